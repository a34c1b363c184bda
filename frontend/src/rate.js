// Bytes a second, smoothed: people want a figure that they can read.

const SMOOTH = 0.3; // weight of the newest measurement
const SPAN = 250; // ms; shorter ones say more of buffers than of the line

export class Rate {
  constructor() {
    this.restart();
  }

  /** Forget what was measured: after a pause or a break it says nothing. */
  restart() {
    this.since = 0;
    this.bytes = 0;
    this.perSecond = 0;
  }

  /** Whether there was a first report, which only says where an upload goes on. */
  get measures() {
    return this.since > 0;
  }

  /** @param {number} bytes since the last report @param {number} now in ms */
  moved(bytes, now) {
    const span = now - this.since;
    if (this.measures && bytes >= 0) {
      this.bytes += bytes;
      if (span < SPAN) return;
      const measured = (this.bytes / span) * 1000;
      this.perSecond += (this.perSecond ? SMOOTH : 1) * (measured - this.perSecond);
    }
    this.since = now;
    this.bytes = 0;
  }
}
