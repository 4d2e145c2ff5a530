//! Starts children from a thread that lives as long as the process.
//!
//! `bwrap --die-with-parent` asks the kernel for a signal when its parent dies, and the kernel means the *thread* that
//! forked (`PR_SET_PDEATHSIG`, prctl(2)). A runtime ends idle threads, so a run could be killed because its thread had
//! been idle for ten seconds. This thread never ends.

use std::io;
use std::sync::{Mutex, OnceLock, mpsc};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

fn jobs() -> io::Result<mpsc::Sender<Job>> {
    static JOBS: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    if let Some(sender) = JOBS.get() {
        return Ok(sender.lock().map_err(|_| gone())?.clone());
    }
    let (sender, receiver) = mpsc::channel::<Job>();
    let kept = JOBS.get_or_init(|| Mutex::new(sender));
    let kept = kept.lock().map_err(|_| gone())?.clone();
    // Two callers may arrive at once. Only the thread whose channel was kept gets work; the other one ends at once.
    std::thread::Builder::new().name("sandbox-spawner".to_owned()).spawn(move || {
        while let Ok(job) = receiver.recv() {
            job();
        }
    })?;
    Ok(kept)
}

fn gone() -> io::Error {
    io::Error::other("the spawning thread has ended")
}

/// Starts `command`; the child is killed when it is dropped.
pub(super) async fn spawn(mut command: Command) -> io::Result<Child> {
    let runtime = Handle::current();
    let (answer, child) = oneshot::channel();
    let job: Job = Box::new(move || {
        let _inside = runtime.enter();
        // If the caller has gone, the child comes back in the error and is killed by the drop.
        let _ = answer.send(command.kill_on_drop(true).spawn());
    });
    jobs()?.send(job).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}
