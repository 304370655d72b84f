/** Handlers: one function a kind of message; a family of them a file. */
import { ofError } from '../errors.js';
import type { Kind, ValueOfKind } from '../registry.js';
import { ROLE, type Session } from './session.js';

/** Answers through the session. Throws UserError with the OpenFlow error that goes back to the peer. */
export type Handler<K extends Kind> = (s: Session, value: ValueOfKind<K>, name: string) => void;
export type Handlers = { readonly [K in Kind]?: Handler<K> };

/** A handler of a message that changes the switch: a secondary controller may not send it. */
export function changing<V>(
  run: (s: Session, value: V, name: string) => void,
): (s: Session, value: V, name: string) => void {
  return (s, value, name) => {
    if (s.role === ROLE.secondary) throw ofError('OFPBRC_IS_SECONDARY');
    run(s, value, name);
  };
}
