// The disks of the host: one image, seen as a raw AHCI disk, as a raw USB disk, and as a file.

import type {Backing} from '../bhyve/block-if.js';
