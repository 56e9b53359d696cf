/** Is the kernel there? What is said of it, from the page's own clock. */

export const BUSY = 2500; // ms without a frame after which a run that plays is waiting for something
export const ABSENT = 5000; // ms after mounting without any answer

/**
 * What to say, "" while all is well.
 * @param {{now: number, mounted: number, heard: number, playing: boolean, looking: boolean, gone: boolean, step: number}} state
 *   times in ms, `heard` of the last frame (0: none); looking: is anything in sight; gone: the page knows that it has ended
 */
export function pulse({ now, mounted, heard, playing, looking, gone, step }) {
  const picture = `What you see is of step ${step}`;
  if (gone) return `The kernel has ended or was restarted. ${picture}; run the cell again to begin anew.`;
  if (!looking) return "";
  if (!heard && now - mounted > ABSENT) return `No kernel answers. ${picture}; run the cell to make it live. (A long cell that is running now? Then it answers afterwards.)`;
  if (playing && heard && now - heard > BUSY) return "Waiting for your cell: the kernel is busy with it, and training goes on when it is done.";
  return "";
}
