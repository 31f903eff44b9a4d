// All formats of the families beside VT-d and AMD-Vi of Linux, FreeBSD, Xen and QEMU, which have readers of their own.

import {DART} from './dart.js';
import type {Format} from './format.js';
import {RISC_V} from './riscv.js';
import {SMMU_V2} from './smmu.js';
import {SMMU_V3} from './smmu-v3.js';
import {SYSTEMS_ON_A_CHIP} from './soc.js';
import {OTHER_SYSTEMS} from './systems.js';
import {VIRTIO} from './virtio.js';

export const FORMATS: readonly Format[] = [
	...SMMU_V3,
	...SMMU_V2,
	...VIRTIO,
	...RISC_V,
	...DART,
	...SYSTEMS_ON_A_CHIP,
	...OTHER_SYSTEMS,
];
