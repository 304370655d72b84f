/** A capture file of what a dummy port sends or receives. Each frame is in the file when `write` returns: a test reads it at once. */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { pcapHeader, pcapRecord } from '../../packet/pcap.js';

/** What OVS's captures say; records are longer where frames are. */
const SNAP_LENGTH = 1518;

export class Capture {
  private readonly fd: number;

  /** A file that is there already is continued. Throws the error of the system. */
  constructor(
    path: string,
    private readonly wall: () => number,
  ) {
    this.fd = openSync(path, 'a');
    if (fstatSync(this.fd).size === 0) writeSync(this.fd, pcapHeader(false, SNAP_LENGTH));
  }

  write(frame: Uint8Array): void {
    writeSync(this.fd, pcapRecord(this.wall(), frame, false));
  }

  close(): void {
    closeSync(this.fd);
  }
}
