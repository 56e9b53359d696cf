/** What a control and the kernel have told each other: pure reckoning, no page, no clock but the one handed in. */

export const PATIENCE = 5000; // ms after which a turn that no frame has spoken of counts as lost

/**
 * One control's way to the kernel. While a hand is on it, and until its last turn was taken, what it shows is the hand's.
 * One turn is on its way at a time (or a few), so a slow kernel gets the newest value and never a queue; what a hand lets
 * go of is sent at once.
 */
export class Turns {
  /**
   * @param {(value: any) => number} send  sends a turn, gives its number
   * @param {() => void} free  called when the hand has let go of nothing new
   * @param {number} most  turns that may be on their way while a hand is on it
   */
  constructor(send, free, most = 1) {
    this.send = send;
    this.free = free;
    this.most = most;
    this.held = false; // is a hand on it?
    /** @type {number[]} */
    this.sent = []; // numbers of those on their way
    this.since = 0; // when the last one was sent
    /** @type {{value: any} | null} chosen, and not sent yet */
    this.waiting = null;
  }

  get flying() {
    return this.sent.length > 0;
  }

  /** Is what it shows the hand's, and not the kernel's? */
  get own() {
    return this.held || this.flying || this.waiting !== null;
  }

  /** A hand has chosen a value. @param {any} value  @param {number} now ms */
  move(value, now) {
    this.waiting = { value };
    if (this.sent.length < this.most || !this.held) this.flush(now);
  }

  hold() {
    this.held = true;
  }

  /** The hand has let go. @param {number} now */
  release(now) {
    this.held = false;
    this.flush(now);
    if (!this.own) this.free();
  }

  /** The kernel has done all turns up to this number. @param {number} number  @param {number} now */
  done(number, now) {
    this.sent = now - this.since > PATIENCE ? [] : this.sent.filter((each) => each > number);
    if (this.sent.length < this.most) this.flush(now);
  }

  /** @param {number} now */
  flush(now) {
    if (!this.waiting) return;
    const { value } = this.waiting;
    this.waiting = null;
    this.since = now;
    this.sent.push(this.send(value));
  }
}
