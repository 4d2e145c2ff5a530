//! The system calls that a run cannot make.
//!
//! Namespaces do not confine everything: the keys of the session that Adjutant was started in, sockets to the hypervisor
//! (vsock), and parts of the kernel that tests do not need and that had many flaws. A filter of system calls (seccomp(2))
//! denies them with `EPERM`, as a container's default does. Bubblewrap loads it just before the command starts.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Denied whatever the arguments.
const DENIED: &[libc::c_long] = &[
    // Keys of the login session, which no namespace hides (keyrings(7)).
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Large interfaces of the kernel.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Mounts, which a process could make in a user namespace of its own.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_acct,
];
/// The families of sockets that can be made. Programs list their addresses over netlink.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// The bit of a system call of the x32 ABI, which has the same architecture for the filter as x86-64.
const X32: libc::c_long = 0x4000_0000;

/// The filter in the form that bubblewrap reads: instructions of 8 bytes. `None` on a processor for which none can be
/// made.
pub(super) fn filter() -> Option<Vec<u8>> {
    let program = program(TargetArch::try_from(std::env::consts::ARCH).ok()?).ok()?;
    let bytes = program.iter().flat_map(|it| {
        let [code0, code1] = it.code.to_ne_bytes();
        let [k0, k1, k2, k3] = it.k.to_ne_bytes();
        [code0, code1, it.jt, it.jf, k0, k1, k2, k3]
    });
    Some(bytes.collect())
}

fn program(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let of_other_families = FAMILIES.iter().map(|family| {
        let family = u64::from(family.unsigned_abs());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
    });
    let other_families = SeccompRule::new(of_other_families.collect::<Result<_, _>>()?)?;
    for abi in [0, X32] {
        rules.extend(DENIED.iter().map(|call| (call | abi, Vec::new())));
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            rules.insert(call | abi, vec![other_families.clone()]);
        }
    }
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, denied, arch)?.try_into()
}
