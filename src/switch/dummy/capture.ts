/** A capture file of what a dummy port sends or receives. Each frame is in the file when `write` returns: a test reads it at once. */
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { pcapHeader, pcapRecord } from '../../packet/pcap.js';

/** What OVS's captures say; records are longer where frames are. */
const SNAP_LENGTH = 1518;

export class Capture {
  private fd: number;
  private inode = 0;

  /** A file that is there already is continued. Throws the error of the system. */
  constructor(
    private readonly path: string,
    private readonly wall: () => number,
  ) {
    this.fd = this.open();
  }

  private open(): number {
    const fd = openSync(this.path, 'a');
    const { size, ino } = fstatSync(fd);
    this.inode = ino;
    if (size === 0) writeSync(fd, pcapHeader(false, SNAP_LENGTH));
    return fd;
  }

  /** A file that was taken away is begun again. */
  write(frame: Uint8Array): void {
    if (statSync(this.path, { throwIfNoEntry: false })?.ino !== this.inode) {
      closeSync(this.fd);
      this.fd = this.open();
    }
    writeSync(this.fd, pcapRecord(this.wall(), frame, false));
  }

  close(): void {
    closeSync(this.fd);
  }
}
