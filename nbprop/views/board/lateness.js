/** When a page says what it has painted without being asked: once frames are late, or are passed over.  (see way.py) */

export const LATE = 80; // ms later than the promptest frame seen lately
export const PAINTED = 0.7; // least part of the frames that is to be painted
export const COUNTED = 5; // frames, at least, of which a part is taken
export const APART = 150; // ms between two answers
const LATELY = 5000; // ms: a prompt frame is remembered for one to two times as long

export class Lateness {
  constructor() {
    this.turn = -Infinity; // since when
    this.least = [Infinity, Infinity]; // ages of the promptest frame of the turn before and of this one
    this.answered = { at: -Infinity, seq: 0, painted: 0 };
  }

  /**
   * A frame has been painted: is it to be answered?
   * @param {number} now  ms of any steady clock
   * @param {number} age  ms since it left; the two clocks may differ
   * @param {number} seq  its number
   * @param {number} painted  frames painted, all in all
   * @param {boolean} asked  the kernel wants an answer
   */
  answers(now, age, seq, painted, asked) {
    if (now - this.turn > LATELY) [this.turn, this.least] = [now, [this.least[1], Infinity]];
    this.least[1] = Math.min(this.least[1], age);
    const before = this.answered, frames = seq - before.seq;
    const passed = frames >= COUNTED && painted - before.painted < PAINTED * frames;
    if (!asked && (now - before.at < APART || !(passed || age - Math.min(...this.least) > LATE))) return false;
    this.answered = { at: now, seq, painted };
    return true;
  }
}
