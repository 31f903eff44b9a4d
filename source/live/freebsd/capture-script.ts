// The script that captures a FreeBSD host: POSIX sh and the tools of the base system, nothing to install. Each file of the
// capture is one tool's output. It reads only, and keeps of the processes only bhyve's. It has no tabs: whatever dmascope
// prints has its control characters written out.

export const SYSTEMS = ['freebsd'] as const;

/** Where the files of a capture lie. */
export const FOLDER = '/freebsd';

export const FREEBSD_SCRIPT = `#!/bin/sh
# Captures what a FreeBSD host shows of its IOMMU, its passthru devices and its VMs:
#     sh capture.sh [FILE.tar]        as root, or some of it is missing
# Look at it with: dmascope host --root FILE.tar
# It changes nothing but the new file. It holds no serial numbers and no host name.
set -u
umask 077
out=\${1:-dmascope-freebsd.tar}
if [ -e "$out" ]; then
    echo "$out exists; name another file." >&2
    exit 2
fi
work=$(mktemp -d "\${TMPDIR:-/tmp}/dmascope.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
mkdir "$work/freebsd" || exit 2
save() { cat >"$work/freebsd/$1"; }

{ uname -s; uname -r; uname -m; freebsd-version -kru; } 2>/dev/null | save version
pciconf -lvc 2>/dev/null | grep -v 'ecap 0003' | save pciconf
sysctl kern.osreldate hw.model hw.physmem hw.vmm hw.dmar hw.iommu 2>/dev/null | save sysctl
cat /boot/loader.conf /boot/loader.conf.local /boot/loader.conf.d/*.conf 2>/dev/null |
    grep -E '^[[:space:]]*(pptdevs[0-9]*|vmm_load|hw\\.vmm\\.|hw\\.dmar|hw\\.iommu|kern\\.maxphys)' | save loader.conf
kenv 2>/dev/null | grep -E '^(pptdevs[0-9]*|hw\\.vmm\\.|hw\\.dmar|hw\\.iommu)' | save kenv
kldstat 2>/dev/null | save kldstat
{ cat /var/run/dmesg.boot; dmesg; } 2>/dev/null |
    grep -E -i 'dmar|ivhd|ivrs|amd-vi|amdvi|iommu|ppt[0-9]|IO_PAGE_FAULT|bhyve' | save dmesg
for table in DMAR IVRS; do
    acpidump -t 2>/dev/null | sed -n "/^ *\${table}:/,/^\\*\\//p"
done | save acpi
ls /dev/vmm 2>/dev/null | save vms
ps -axww -o pid= -o command= 2>/dev/null | grep -E '(^| )bhyve: ' | grep -v grep | save bhyve
while read -r pid rest; do
    procstat -h files "$pid" 2>/dev/null || procstat -h -f "$pid" 2>/dev/null
done <"$work/freebsd/bhyve" | grep ' v ' | save files
for vm in $(cat "$work/freebsd/vms"); do
    echo "== $vm"
    bhyvectl --vm="$vm" --get-memmap 2>/dev/null
done | save memmap
# Text of ddb's "show dmars" or "show dmar_domain", if you saved some in show-dmars.txt.
cat show-dmars.txt 2>/dev/null | save show-dmars

tar --format ustar -C "$work" -cf "$out" freebsd && echo "$out: look at it with dmascope host --root $out"
`;
