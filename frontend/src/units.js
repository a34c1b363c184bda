// Numbers for people: the same words as the server uses.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** A number and its unit. */
function parts(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return [unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1), UNITS[unit]];
}

/** @param {number} bytes */
export function size(bytes) {
  return parts(bytes).join(" ");
}

/** "1.3 of 2.1 GB". @param {number} bytes @param {number} total */
export function portion(bytes, total) {
  const [value, unit] = parts(bytes);
  const [whole, unitOfWhole] = parts(total);
  return unit === unitOfWhole ? `${value} of ${whole} ${unit}` : `${size(bytes)} of ${size(total)}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** "1 file", "5,000 files" */
export const files = (count) => counted(count, "file");

/** "1 item", "5,000 items" */
export const items = (count) => counted(count, "item");
