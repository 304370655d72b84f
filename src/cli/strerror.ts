const ERRNO: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ECONNREFUSED: 'Connection refused',
  EACCES: 'Permission denied',
  EPIPE: 'Broken pipe',
  ECONNRESET: 'Connection reset by peer',
  ENOTSOCK: 'Socket operation on non-socket',
  ENOTDIR: 'Not a directory',
  EHOSTUNREACH: 'No route to host',
  ETIMEDOUT: 'Connection timed out',
};

/** What strerror(3) says, for the codes that connecting and opening give. */
export function strerror(e: unknown): string {
  const code = e instanceof Error && 'code' in e ? String(e.code) : String(e);
  return ERRNO[code] ?? code;
}
