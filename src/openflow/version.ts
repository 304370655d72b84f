/** Wire versions: 1 is OpenFlow 1.0, 6 is 1.5. A set of them is a bitmap with bit n for version n, as hello elements have it. */
export const VERSIONS = [1, 2, 3, 4, 5, 6] as const;
export const ALL_VERSIONS = 0x7e;

export function versionName(version: number): string {
  return `OpenFlow1${version - 1}`;
}

/** "OpenFlow10", "OpenFlow1.3" to a wire version. */
export function parseVersion(text: string): number | undefined {
  const m = /^OpenFlow1\.?([0-5])$/i.exec(text);
  return m ? Number(m[1]) + 1 : undefined;
}

export function highest(bitmap: number): number {
  return bitmap === 0 ? 0 : 31 - Math.clz32(bitmap);
}

/** Every version up to and including this one: what a hello without a bitmap offers. */
export function upTo(version: number): number {
  return (2 ** (Math.min(version, 30) + 1) - 2) & ~1;
}

/** The version both sides speak: the highest common one, or undefined. */
export function negotiate(ours: number, theirs: number): number | undefined {
  const common = ours & theirs;
  return common === 0 ? undefined : highest(common);
}

/** A hello needs its bitmap only when the versions are not simply all up to the highest. */
export function needsBitmap(bitmap: number): boolean {
  return bitmap !== upTo(highest(bitmap));
}

/** As OVS words it: "versions 0x01, 0x04", or "version 0x06 and earlier". */
export function describeVersions(bitmap: number): string {
  const list = versionsOf(bitmap);
  if (list.length > 1 && !needsBitmap(bitmap)) return `version ${hex(highest(bitmap))} and earlier`;
  return `${list.length === 1 ? 'version' : 'versions'} ${list.map(hex).join(', ')}`;
}

const hex = (v: number) => `0x${v.toString(16).padStart(2, '0')}`;
export function versionsOf(bitmap: number): number[] {
  const out: number[] = [];
  for (let v = 0; v < 31; v++) if (bitmap & (1 << v)) out.push(v);
  return out;
}
