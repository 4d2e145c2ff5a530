//! What the filter of system calls denies, and what it leaves.

use super::*;

/// Each call with arguments that would do no harm, by its number on x86-64 and on aarch64.
const CALLS: &str = "
import ctypes, errno, os, platform, socket, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
column = 0 if platform.machine() == 'x86_64' else 1
for name, numbers in {
    'keyctl': (250, 219), 'add_key': (248, 217), 'request_key': (249, 218), 'io_uring_setup': (425, 425),
    'bpf': (321, 280), 'perf_event_open': (298, 241), 'userfaultfd': (323, 282), 'mount': (165, 40),
    'open_tree': (428, 428), 'fsopen': (430, 430), 'x32 keyctl': (0x40000000 + 250, 219),
}.items():
    ctypes.set_errno(0)
    result = libc.syscall(numbers[column], 0, 0, 0, 0, 0)
    print(name, result, errno.errorcode.get(ctypes.get_errno(), 'done'))
for family in ['AF_VSOCK', 'AF_PACKET', 'AF_ALG', 'AF_UNIX', 'AF_INET', 'AF_INET6', 'AF_NETLINK']:
    kind = socket.SOCK_SEQPACKET if family == 'AF_ALG' else socket.SOCK_RAW if family in ('AF_PACKET', 'AF_NETLINK') else socket.SOCK_STREAM
    try:
        socket.socket(getattr(socket, family), kind).close()
        print(family, 'made')
    except OSError as error:
        print(family, errno.errorcode[error.errno])
thread = threading.Thread(target=lambda: print('thread'))
thread.start()
thread.join()
print(subprocess.run(['unshare', '--user', 'echo', 'user namespace'], capture_output=True, text=True).stdout.strip())
";

#[tokio::test]
async fn keys_of_the_session_vsock_and_mounts_are_denied_and_ordinary_calls_are_not() {
    let place = Place::new().await;
    let mut run = place.shell("");
    run.argv = ["python3", "-c", CALLS].map(str::to_owned).to_vec();
    let tail = place.sandbox.run(run).await.unwrap().tail;
    insta::assert_snapshot!(tail, @"
    keyctl -1 EPERM
    add_key -1 EPERM
    request_key -1 EPERM
    io_uring_setup -1 EPERM
    bpf -1 EPERM
    perf_event_open -1 EPERM
    userfaultfd -1 EPERM
    mount -1 EPERM
    open_tree -1 EPERM
    fsopen -1 EPERM
    x32 keyctl -1 EPERM
    AF_VSOCK EPERM
    AF_PACKET EPERM
    AF_ALG EPERM
    AF_UNIX made
    AF_INET made
    AF_INET6 made
    AF_NETLINK made
    thread
    user namespace
    ");
}
