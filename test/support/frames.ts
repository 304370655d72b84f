/** Captures made here: classic pcap, Ethernet, IPv4, UDP. */

/** `n` flows, a frame each: 10.0.0.x, source port 1024 + i. */
export function udpPcap(n: number): Uint8Array {
  const frame = 60;
  const out = new Uint8Array(24 + n * (16 + frame));
  const v = new DataView(out.buffer);
  [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].forEach((word, i) => {
    v.setUint32(i * 4, word, true);
  });
  for (let i = 0; i < n; i++) {
    const at = 24 + i * (16 + frame);
    v.setUint32(at + 8, frame, true);
    v.setUint32(at + 12, frame, true);
    const f = at + 16;
    out.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46], f);
    out.set([64, 17], f + 22);
    v.setUint32(f + 26, 0x0a000000 + (i & 0xff));
    v.setUint32(f + 30, 0x0a010000);
    v.setUint16(f + 34, 1024 + i);
    v.setUint16(f + 36, 2000);
    v.setUint16(f + 38, 26);
  }
  return out;
}
