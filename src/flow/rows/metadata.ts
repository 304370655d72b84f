import { K } from '../../packet/key.js';
import type { FieldRow } from '../field.js';
import { OK } from '../key.js';
import { field, part } from './define.js';

/** What the switch knows about a packet besides its bytes: origin, marks, registers. */
export const METADATA_ROWS: readonly FieldRow[] = [
  field('dp_hash', {
    format: 'hexadecimal',
    slot: K.dpHash,
    writable: false,
    ids: ['NXM_NX_DP_HASH 35'],
    doc: 'Hash computed by the datapath on request.',
  }),
  field('recirc_id', {
    mask: 'no',
    format: 'decimal',
    slot: K.recircId,
    writable: false,
    ids: ['NXM_NX_RECIRC_ID 36'],
    doc: 'Which frozen state the packet continues from; 0 on its first pass.',
  }),
  field('packet_type', {
    mask: 'no',
    format: 'packet_type',
    slot: K.packetType,
    writable: false,
    ids: ['OXM_OF_PACKET_TYPE 44 6'],
    doc: 'Namespace and type of the outermost header; (0,0) is Ethernet.',
  }),
  field('conj_id', {
    mask: 'no',
    format: 'decimal',
    slot: OK.conjId,
    writable: false,
    ids: ['NXM_NX_CONJ_ID 37'],
    doc: 'Id of a conjunctive match whose clauses all matched.',
  }),
  field('metadata', {
    format: 'hexadecimal',
    slot: OK.metadata,
    ids: ['OXM_OF_METADATA 2'],
    fixed: [11, 11, 11],
    doc: 'The 64-bit register of OpenFlow 1.1 and later.',
  }),
  field('in_port', {
    bits: 16,
    mask: 'no',
    format: 'of_port',
    slot: OK.ofInPort,
    ids: ['NXM_OF_IN_PORT 0'],
    fixed: [10],
    doc: 'Port of arrival, numbered as in OpenFlow 1.0.',
  }),
  field('in_port_oxm', {
    mask: 'no',
    format: 'of_port',
    slot: OK.ofInPort,
    ids: ['OXM_OF_IN_PORT 0'],
    fixed: [11],
    doc: 'Port of arrival, numbered as in OpenFlow 1.1 and later.',
  }),
  field('actset_output', {
    mask: 'no',
    format: 'of_port',
    slot: OK.actsetOutput,
    writable: false,
    ids: ['ONFOXM_ET_ACTSET_OUTPUT 43', 'OXM_OF_ACTSET_OUTPUT 43 6'],
    doc: 'Output port of the action set, or UNSET.',
  }),
  field('skb_priority', {
    mask: 'no',
    format: 'hexadecimal',
    slot: K.skbPriority,
    writable: false,
    doc: 'Output queue; it cannot be matched over OpenFlow.',
  }),
  field('pkt_mark', {
    format: 'hexadecimal',
    slot: K.pktMark,
    ids: ['NXM_NX_PKT_MARK 33'],
    doc: 'Mark shared with other parts of the system.',
  }),
  ...Array.from({ length: 16 }, (_, i) =>
    field(`reg${i}`, {
      format: 'hexadecimal',
      slot: part(OK.regs, 4 * i, 4),
      ids: [`NXM_NX_REG${i} ${i}`],
      doc: 'Register.',
    }),
  ),
  ...Array.from({ length: 8 }, (_, i) =>
    field(`xreg${i}`, {
      format: 'hexadecimal',
      slot: part(OK.regs, 8 * i, 8),
      ids: [`OXM_OF_PKT_REG${i} ${i}`],
      doc: `reg${2 * i} and reg${2 * i + 1} as one.`,
    }),
  ),
  ...Array.from({ length: 4 }, (_, i) =>
    field(`xxreg${i}`, {
      format: 'hexadecimal',
      slot: part(OK.regs, 16 * i, 16),
      ids: [`NXM_NX_XXREG${i} ${111 + i}`],
      doc: `reg${4 * i} to reg${4 * i + 3} as one.`,
    }),
  ),
];
