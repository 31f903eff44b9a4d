// The IOMMU of the machine: VT-d, AMD-Vi, or none.
