/** Who we are to peers over SSL, and whom we believe: PEM files, read at each connection so that they may be replaced while the switch runs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { DetailedPeerCertificate, SecureContextOptions, TLSSocket } from 'node:tls';
import { UserError } from '../lib/errors.js';
import { reason } from './of-sockets.js';

export interface TlsFiles {
  readonly privateKey: string;
  readonly certificate: string;
  /** Of the authority that signed the peers' certificates; "none": every peer is believed. */
  readonly caCert: string;
  /** Where there is no such file yet, the first peer's own authority is believed and written to it. */
  readonly bootstrap: boolean;
}

export interface TlsSettings extends SecureContextOptions {
  readonly rejectUnauthorized: boolean;
  readonly requestCert: boolean;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (e) {
    throw new UserError(`cannot read ${file}: ${reason(e)}`);
  }
}

export class Tls {
  /** A function is asked at each connection; it may throw UserError. */
  constructor(private readonly source: TlsFiles | (() => TlsFiles)) {}

  get files(): TlsFiles {
    return typeof this.source === 'function' ? this.source() : this.source;
  }

  private get mustLearn(): boolean {
    return this.files.bootstrap && !existsSync(this.files.caCert);
  }

  /** Throws UserError when a file cannot be read. */
  settings(): TlsSettings {
    const { privateKey, certificate, caCert } = this.files;
    const own = { key: read(privateKey), cert: read(certificate) };
    const believesAll = caCert === 'none' || this.mustLearn;
    if (believesAll) return { ...own, rejectUnauthorized: false, requestCert: true };
    return { ...own, ca: read(caCert), rejectUnauthorized: true, requestCert: true };
  }

  /**
   * Keeps the authority at the end of the chain that the peer showed, where we have none. Returns what happened: then the connection must be made
   * again, for it was not checked.
   */
  learn(socket: TLSSocket): string | undefined {
    if (!this.mustLearn) return undefined;
    const file = this.files.caCert;
    let c: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    const seen = new Set<DetailedPeerCertificate>();
    while (c?.issuerCertificate && !seen.has(c)) {
      seen.add(c);
      if (c.issuerCertificate === c) break;
      c = c.issuerCertificate;
    }
    if (!c?.raw || c.fingerprint256 !== c.issuerCertificate?.fingerprint256) {
      return `the peer showed no certificate of an authority that ${file} could begin with`;
    }
    const lines = c.raw.toString('base64').match(/.{1,64}/g) ?? [];
    const pem = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
    try {
      // Two connections may learn at the same time; the first one counts.
      writeFileSync(file, pem, { flag: 'wx', mode: 0o644 });
    } catch (e) {
      return `cannot write ${file}: ${reason(e)}`;
    }
    return `took the peer's authority (fingerprint ${c.fingerprint256}) into ${file}, connecting again`;
  }
}
