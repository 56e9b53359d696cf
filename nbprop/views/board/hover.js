/** Where a hand moves over a picture: told to the kernel one at a time, the newest first, and nothing is queued. */

export const LOST = 1000; // ms after which no answer is waited for

export class Hover {
  /** @param {(message: any) => void} send */
  constructor(send) {
    this.send = send;
    this.number = this.heard = 0; // of the newest message, and of the newest that was answered
    this.sent = -Infinity;
    /** @type {any} */
    this.next = null;
    this.last = ""; // what was said last
  }

  /** A hand is there now. @param {number} panel  @param {[string, any]} wanted */
  over(panel, [name, value]) {
    this.next = { type: "hover", panel, name, value };
  }

  /** Called when a frame is painted: says what is new, if the last one was answered. @param {number} now ms */
  flush(now) {
    if (!this.next || (this.heard < this.number && now - this.sent < LOST)) return;
    const words = JSON.stringify(this.next);
    if (words !== this.last) {
      this.send({ ...this.next, number: ++this.number });
      this.sent = now;
      this.last = words;
    }
    this.next = null;
  }

  /** The kernel has taken the message of that number. Returns whether another one waits. @param {number} number */
  answered(number) {
    this.heard = Math.max(this.heard, number);
    return this.next !== null;
  }
}
