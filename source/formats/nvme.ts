// NVM Express 1.4: controller registers (section 3.1), commands and completions (4.2, 4.6), opcodes and status codes,
// and the pages that IDENTIFY and GET LOG PAGE return (5.15, 5.14). Little-endian.

/** Registers. Doorbells start at DOORBELLS: per queue, a submission tail and then a completion head. */
export const REG = {
	CAP_LO: 0x00,
	CAP_HI: 0x04,
	VS: 0x08,
	INTMS: 0x0c,
	INTMC: 0x10,
	CC: 0x14,
	CSTS: 0x1c,
	AQA: 0x24,
	ASQ_LO: 0x28,
	ASQ_HI: 0x2c,
	ACQ_LO: 0x30,
	ACQ_HI: 0x34,
} as const;
export const DOORBELLS = 0x1000;
export const VERSION_1_4 = 0x1_0400;
export const CC = {EN: 0x1, SHN: 0xc000, IOSQES_64: 6 << 16, IOCQES_16: 4 << 20} as const;
export const CSTS = {RDY: 0x1, SHST: 0xc, SHST_COMPLETE: 0x8} as const;

/** A submission queue entry. */
export const COMMAND_BYTES = 64;
export const COMMAND = {OPCODE: 0, ID: 2, NSID: 4, PRP1: 24, PRP2: 32, CDW10: 40} as const;
/** A completion queue entry. Its status word holds the phase in bit 0, the code from bit 1 on, and DNR in bit 15. */
export const COMPLETION_BYTES = 16;
export const COMPLETION = {VALUE: 0, SQ_HEAD: 8, SQ_ID: 10, ID: 12, STATUS: 14} as const;
export const PHASE = 1;
export const DO_NOT_RETRY = 0x8000;

export const ADMIN = {
	DELETE_IO_SQ: 0x00,
	CREATE_IO_SQ: 0x01,
	GET_LOG_PAGE: 0x02,
	DELETE_IO_CQ: 0x04,
	CREATE_IO_CQ: 0x05,
	IDENTIFY: 0x06,
	ABORT: 0x08,
	SET_FEATURES: 0x09,
	GET_FEATURES: 0x0a,
	ASYNC_EVENT_REQUEST: 0x0c,
	FIRMWARE_COMMIT: 0x10,
	FORMAT_NVM: 0x80,
	SECURITY_SEND: 0x81,
	SECURITY_RECEIVE: 0x82,
	SANITIZE: 0x84,
	GET_LBA_STATUS: 0x86,
} as const;
export const IO = {
	FLUSH: 0x00,
	WRITE: 0x01,
	READ: 0x02,
	WRITE_ZEROES: 0x08,
	DATASET_MANAGEMENT: 0x09,
} as const;

/** CDW11 when creating a queue: physically contiguous. */
export const CONTIGUOUS = 0x1;

/** The pages that IDENTIFY can return, the offsets in them, and the namespace ID that means all of them. */
export const CNS = {
	NAMESPACE: 0x00,
	CONTROLLER: 0x01,
	ACTIVE: 0x02,
	DESCRIPTORS: 0x03,
	CONTROLLERS: 0x13,
} as const;
export const CONTROLLER = {
	VENDOR: 0,
	SERIAL: 4,
	MODEL: 24,
	FIRMWARE: 64,
	ARBITRATION_BURST: 72,
	OUI: 73,
	MDTS: 77,
	VERSION: 80,
	EVENTS: 92,
	TYPE: 111,
	ADMIN_COMMANDS: 256,
	ABORT_LIMIT: 258,
	EVENT_LIMIT: 259,
	FIRMWARE_SLOTS: 260,
	WARNING_TEMPERATURE: 266,
	CRITICAL_TEMPERATURE: 268,
	SANITIZE: 328,
	SQ_ENTRY: 512,
	CQ_ENTRY: 513,
	NAMESPACES: 516,
	OPTIONAL_COMMANDS: 520,
	FORMAT: 524,
	WRITE_CACHE: 525,
} as const;
export const NAMESPACE = {SIZE: 0, CAPACITY: 8, USED: 16, EUI64: 120, FORMATS: 128} as const;
export const IDENTIFY_BYTES = 4096;
export const ALL_NAMESPACES = 0xffff_ffff;
/** In CONTROLLER.OPTIONAL_COMMANDS. */
export const SUPPORTS_DSM = 0x4;

export const FEATURE = {
	ARBITRATION: 0x01,
	POWER_MANAGEMENT: 0x02,
	TEMPERATURE_THRESHOLD: 0x04,
	ERROR_RECOVERY: 0x05,
	NUMBER_OF_QUEUES: 0x07,
	INTERRUPT_COALESCING: 0x08,
	INTERRUPT_VECTOR: 0x09,
	WRITE_ATOMICITY: 0x0a,
	ASYNC_EVENTS: 0x0b,
} as const;

export const LOG = {ERROR: 0x01, HEALTH: 0x02, FIRMWARE: 0x03, CHANGED_NAMESPACES: 0x04} as const;
export const HEALTH = {
	WARNING: 0,
	TEMPERATURE: 1,
	SPARE: 3,
	SPARE_THRESHOLD: 4,
	UNITS_READ: 32,
	UNITS_WRITTEN: 48,
	READS: 64,
	WRITES: 80,
	POWER_CYCLES: 112,
} as const;
export const WARNING_TEMPERATURE = 0x2;

/** DATASET MANAGEMENT: up to 256 ranges, and the deallocate bit of CDW11. */
export const RANGE_BYTES = 16;
export const RANGE = {SECTORS: 4, LBA: 8} as const;
export const RANGES_BYTES = 4096;
export const DEALLOCATE = 0x4;

/** Status codes, with their type (SCT) in the high byte. */
export const SC = {
	SUCCESS: 0x000,
	INVALID_OPCODE: 0x001,
	INVALID_FIELD: 0x002,
	DATA_TRANSFER_ERROR: 0x004,
	INTERNAL_DEVICE_ERROR: 0x006,
	INVALID_NAMESPACE: 0x00b,
	COMMAND_SEQUENCE_ERROR: 0x00c,
	LBA_OUT_OF_RANGE: 0x080,
	INVALID_COMPLETION_QUEUE: 0x100,
	INVALID_QUEUE: 0x101,
	INVALID_QUEUE_SIZE: 0x102,
	EVENT_REQUEST_LIMIT: 0x105,
	INVALID_FIRMWARE_SLOT: 0x106,
	INVALID_INTERRUPT_VECTOR: 0x108,
	INVALID_LOG_PAGE: 0x109,
	INVALID_FORMAT: 0x10a,
	INVALID_QUEUE_DELETION: 0x10c,
	FEATURE_NOT_OF_NAMESPACE: 0x10f,
} as const;

const STATUS_NAMES: Record<number, string> = {
	[SC.SUCCESS]: 'success',
	[SC.INVALID_OPCODE]: 'invalid opcode',
	[SC.INVALID_FIELD]: 'invalid field',
	[SC.DATA_TRANSFER_ERROR]: 'data transfer error',
	[SC.INTERNAL_DEVICE_ERROR]: 'internal device error',
	[SC.INVALID_NAMESPACE]: 'invalid namespace',
	[SC.COMMAND_SEQUENCE_ERROR]: 'command sequence error',
	[SC.LBA_OUT_OF_RANGE]: 'LBA out of range',
	[SC.INVALID_COMPLETION_QUEUE]: 'invalid completion queue',
	[SC.INVALID_QUEUE]: 'invalid queue identifier',
	[SC.INVALID_QUEUE_SIZE]: 'invalid queue size',
};

/** "SC 0x80 LBA out of range". The type is shown unless it is the generic one. */
export function statusText(code: number): string {
	const type = code >> 8 === 0 ? '' : `SCT ${code >> 8} `;
	const name = STATUS_NAMES[code];
	return `${type}SC 0x${(code & 0xff).toString(16)}${name === undefined ? '' : ` ${name}`}`;
}

/** The code in a completion's status word. */
export const statusCode = (word: number): number => (word >> 1) & 0x7ff;

/** The largest transfer of bhyve's controller: 2^MDTS pages of 4 KiB. */
export const MDTS = 9;
export const MDTS_PAGES = 1 << MDTS;
/** A PRP list fills one page. */
export const PRPS_PER_PAGE = 512;
export const PRP_BYTES = 8;
