//! What the sandbox prevents, tested with real processes.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::*;

mod system_calls;

struct Place {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
}

impl Place {
    async fn with(mode: Mode) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("tree")).expect("a tree");
        let config = SandboxConfig::new(mode, folder.path().join("scratch"));
        let sandbox = Sandbox::probe(config).await.expect("a sandbox on this machine");
        Self { folder, sandbox }
    }

    async fn new() -> Self {
        Self::with(Mode::Bubblewrap).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, script: &str) -> SandboxRun {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let mut run = SandboxRun::new(argv, self.path("tree"), self.path("log/run.log"));
        run.limits.wall = Duration::from_mins(1);
        run
    }

    async fn run(&self, script: &str) -> RunOutcome {
        self.sandbox.run(self.shell(script)).await.expect("it was run")
    }
}

#[tokio::test]
async fn output_of_both_streams_is_logged_and_the_status_is_returned() {
    let place = Place::new().await;
    let outcome = place.run("echo one; echo two >&2; exit 3").await;
    assert_eq!(outcome.exit, Exit::Code(3));
    assert_eq!(outcome.tail, "one\ntwo");
    assert_eq!(fs::read(place.path("log/run.log")).unwrap(), b"one\ntwo\n");
    assert_eq!(outcome.log_bytes, 8);
    assert_eq!(place.run("kill -TERM $$").await.exit, Exit::Signal(15));
}

#[tokio::test]
async fn what_is_masked_is_empty_for_the_run_and_stays_in_the_clone() {
    let place = Place::new().await;
    let tree = place.path("tree");
    fs::create_dir_all(tree.join("real/plugin")).unwrap();
    fs::write(tree.join("real/plugin/evil.js"), "evil").unwrap();
    fs::write(tree.join("own.json"), "evil").unwrap();
    std::os::unix::fs::symlink("real", tree.join(".agent")).unwrap();
    std::os::unix::fs::symlink("/etc", tree.join("outside")).unwrap();
    let mut run =
        place.shell("cat own.json; ls -A .agent/ real; touch .agent/x 2>/dev/null || echo kept; ls -d outside");
    run.masked = ["own.json", ".agent", "missing", "outside", ""].map(PathBuf::from).to_vec();
    let outcome = place.sandbox.run(run).await.unwrap();
    assert_eq!(outcome.tail, ".agent/:\n\nreal:\nkept\noutside");
    assert_eq!(fs::read(tree.join("real/plugin/evil.js")).unwrap(), b"evil");
    assert!(!tree.join("missing").exists(), "nothing is made");
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_status_127() {
    let place = Place::new().await;
    let mut run = place.shell("");
    run.argv = vec!["no-such-program".to_owned()];
    assert_eq!(place.sandbox.run(run).await.unwrap().exit, Exit::Code(127));
}

#[tokio::test]
async fn a_run_that_could_not_be_set_up_is_an_error_and_not_an_exit() {
    let place = Place::new().await;
    let mut run = place.shell("true");
    run.readonly.push(Bind::new(place.path("missing"), "/missing"));
    assert!(matches!(place.sandbox.run(run).await, Err(SandboxError::Path { .. })));
    let mut run = place.shell("true");
    run.readonly.push(Bind::new(place.path("tree"), "/etc/passwd/below-a-file"));
    assert!(matches!(place.sandbox.run(run).await, Err(SandboxError::Start(_))));
}

#[tokio::test]
async fn inside_it_is_an_ordinary_user_without_any_capability() {
    let place = Place::new().await;
    let outcome =
        place.run("id -u; id -g; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch made; pwd; echo $HOME").await;
    let lines: Vec<&str> = outcome.tail.lines().collect();
    assert_eq!(lines, ["1000", "1000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", TREE, HOME]);
    let made = fs::metadata(place.path("tree/made")).unwrap();
    assert_ne!(made.uid(), 0, "the kernel must not take the tree for root");
    fs::write(place.path("tree/made"), "ours again").unwrap();
}

#[tokio::test]
async fn there_is_no_network_but_a_loopback_of_its_own() {
    let place = Place::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let reach = format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'");
    assert!(!place.run(&reach).await.exit.success());
    let interfaces = place.run("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").await.tail;
    assert_eq!(interfaces, "lo");
    let mut open = place.shell(&reach);
    open.network = Network::Host;
    assert!(place.sandbox.run(open).await.unwrap().exit.success(), "with a network the same command gets through");
}

#[tokio::test]
async fn nothing_outside_of_the_clone_and_the_scratch_folder_can_be_written() {
    let place = Place::new().await;
    let outside = place.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::set_permissions(&outside, fs::Permissions::from_mode(0o777)).unwrap();
    let script = format!(
        "for f in {}/x /x /usr/x /etc/x /dev/x /work/x /proc/sys/kernel/core_pattern; do if echo bad 2>/dev/null > $f; then echo wrote $f; fi; done; for f in /tmp/x $HOME/x {TREE}/x /dev/shm/x; do echo good > $f || echo could not write $f; done",
        outside.display()
    );
    assert_eq!(place.run(&script).await.tail, "");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[tokio::test]
async fn neither_the_hosts_files_nor_our_environment_can_be_read() {
    let place = Place::new().await;
    let secret = place.path("secret");
    fs::write(&secret, "the key").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let script = format!("cat {} /etc/shadow /root/.bashrc; ls /proc | grep -c '^[0-9]'; env", secret.display());
    let tail = place.run(&script).await.tail;
    assert!(!tail.contains("the key"), "{tail}");
    assert!(!tail.contains("CARGO_MANIFEST_DIR"), "a variable of this process came through: {tail}");
    let processes: u32 = tail.lines().find_map(|line| line.parse().ok()).expect("the count of processes");
    assert!(processes < 8, "it sees the host's processes: {tail}");
}

#[tokio::test]
async fn java_and_maven_find_their_configuration_and_no_passwords() {
    let place = Place::new().await;
    let script = "for f in /etc/maven/m2.conf /etc/java-*/security/java.security /etc/maven/settings.xml; do test ! -r $f || echo $f; done";
    let seen = place.run(script).await.tail;
    let on_host = tokio::process::Command::new("sh").args(["-c", script]).output().await.unwrap();
    let on_host = String::from_utf8(on_host.stdout).unwrap();
    let expected: Vec<&str> = on_host.lines().filter(|line| !line.ends_with("settings.xml")).collect();
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn temporary_folders_of_a_run_are_emptied_for_the_next_and_its_home_is_kept() {
    let place = Place::new().await;
    let mut first = place.shell("ln -s / /tmp/planted; echo x > /dev/shm/planted; echo x > $HOME/kept");
    first.scratch = Some(place.path("home-of-two"));
    let mut second = place.shell("ls /tmp /dev/shm $HOME");
    second.scratch.clone_from(&first.scratch);
    assert!(place.sandbox.run(first).await.unwrap().exit.success());
    let left = place.sandbox.run(second).await.unwrap().tail;
    assert!(left.contains("kept") && !left.contains("planted"), "{left}");
}

#[tokio::test]
async fn a_readonly_bind_can_be_read_and_not_written() {
    let place = Place::new().await;
    fs::create_dir(place.path("notes")).unwrap();
    fs::write(place.path("notes/a"), "words").unwrap();
    let mut run = place.shell("cat /work/notes/a; echo x > /work/notes/a || echo refused; echo y > /work/out/b");
    run.readonly.push(Bind::new(place.path("notes"), "/work/notes"));
    fs::create_dir(place.path("out")).unwrap();
    run.writable.push(Bind::new(place.path("out"), "/work/out"));
    let outcome = place.sandbox.run(run).await.unwrap();
    assert!(outcome.tail.starts_with("words") && outcome.tail.ends_with("refused"), "{}", outcome.tail);
    assert_eq!(fs::read_to_string(place.path("out/b")).unwrap(), "y\n");
}

/// A process of the tree holds a named pipe open. When a reader reaches the end of the pipe, the process has ended.
const HOLD_PIPE: &str = "mkfifo held; setsid sh -c 'exec 9>held; echo held >&9; exec sleep 1000' & ";

/// Waits until the process holds the pipe. The returned task ends when the process does.
async fn held_by(tree: PathBuf) -> tokio::task::JoinHandle<usize> {
    let held = tree.join("held");
    until(|| held.exists()).await;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let read = tokio::task::spawn_blocking(move || {
        let mut pipe = fs::File::open(held).unwrap();
        pipe.read_exact(&mut [0; 5]).unwrap();
        begun.send(()).unwrap();
        pipe.read_to_end(&mut Vec::new()).unwrap()
    });
    has_begun.await.unwrap();
    read
}

async fn is_gone(read: tokio::task::JoinHandle<usize>) {
    let left = tokio::time::timeout(Duration::from_secs(20), read).await.expect("a process outlived its run");
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn a_grandchild_in_a_session_of_its_own_dies_with_the_run() {
    let place = Place::new().await;
    let run = place.shell(&format!("{HOLD_PIPE} sleep 1000"));
    let cancel = run.cancel.clone();
    let sandbox = place.sandbox.clone();
    let running = tokio::spawn(async move { sandbox.run(run).await });
    let grandchild = held_by(place.path("tree")).await;
    cancel.cancel();
    assert_eq!(running.await.unwrap().unwrap().exit, Exit::Cancelled);
    is_gone(grandchild).await;
}

#[tokio::test]
async fn the_tree_dies_when_the_future_is_dropped() {
    let place = Place::new().await;
    let run = place.shell(&format!("{HOLD_PIPE} sleep 1000"));
    let sandbox = place.sandbox.clone();
    let running = tokio::spawn(async move { sandbox.run(run).await });
    let grandchild = held_by(place.path("tree")).await;
    running.abort();
    is_gone(grandchild).await;
}

async fn until(condition: impl Fn() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    for _ in 0..4000 {
        tick.tick().await;
        if condition() {
            return;
        }
    }
    panic!("it never came true");
}

#[tokio::test]
async fn a_run_that_is_cancelled_while_it_starts_leaves_nothing() {
    let place = Place::new().await;
    for _ in 0..20 {
        let run = place.shell("sleep 1000");
        run.cancel.cancel();
        let outcome = place.sandbox.run(run).await.unwrap();
        assert_eq!(outcome.exit, Exit::Cancelled);
        // A process that holds its output open delays the run by five seconds.
        assert!(outcome.duration < Duration::from_secs(4), "a process was left behind");
    }
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_killed() {
    let place = Place::new().await;
    let mut run = place.shell("echo begun; trap '' TERM INT; while :; do sleep 1; done");
    run.limits.wall = Duration::from_millis(500);
    let outcome = place.sandbox.run(run).await.unwrap();
    assert_eq!(outcome.exit, Exit::TimedOut);
    assert!(outcome.duration < Duration::from_secs(20));
}

#[tokio::test]
async fn a_program_that_prints_without_end_is_stopped_at_the_limit() {
    let place = Place::new().await;
    let mut run = place.shell("yes 0123456789abcdef");
    run.limits.output_bytes = 1_000_000;
    let outcome = place.sandbox.run(run).await.unwrap();
    assert_eq!(outcome.exit, Exit::OutputLimit);
    assert_eq!(outcome.log_bytes, 1_000_000);
    assert_eq!(fs::metadata(place.path("log/run.log")).unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn whoever_fills_the_disk_with_many_files_is_stopped() {
    let place = Place::new().await;
    let many = "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > ~/big-$i; sleep 0.01; done";
    let mut run = place.shell(many);
    run.limits.disk_bytes = 20_000_000;
    assert_eq!(place.sandbox.run(run).await.unwrap().exit, Exit::DiskLimit);
    let mut run = place.shell("mkdir -p d; while :; do mktemp -p d >/dev/null; done");
    run.limits.files = 100;
    assert_eq!(place.sandbox.run(run).await.unwrap().exit, Exit::DiskLimit);
    // What was there before is not the run's.
    let mut run = place.shell("sleep 3");
    run.limits.files = 50;
    assert_eq!(place.sandbox.run(run).await.unwrap().exit, Exit::Code(0));
}

#[tokio::test]
async fn the_number_of_processes_and_the_size_of_files_are_limited() {
    let place = Place::new().await;
    let report = place.sandbox.limits();
    assert_eq!(report.missing().count(), 0, "{report}");
    let mut run = place.shell("for i in $(seq 100); do sleep 50 & done; echo all; head -c 3000000 /dev/zero > big");
    run.limits.processes = 40;
    run.limits.file_bytes = 1_000_000;
    let outcome = place.sandbox.run(run).await.unwrap();
    assert!(!outcome.tail.contains("all"), "{}", outcome.tail);
    let mut run = place.shell("head -c 3000000 /dev/zero > big");
    run.limits.file_bytes = 1_000_000;
    assert!(!place.sandbox.run(run).await.unwrap().exit.success());
    assert_eq!(fs::metadata(place.path("tree/big")).unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn memory_is_limited() {
    let place = Place::new().await;
    let mut run = place.shell("python3 -c 'x = bytearray(300_000_000); print(\"got it\")'");
    assert_eq!(place.sandbox.run(run.clone()).await.unwrap().tail, "got it");
    run.limits.memory_bytes = 100_000_000;
    assert!(!place.sandbox.run(run).await.unwrap().exit.success());
}

#[tokio::test]
async fn a_kept_scratch_folder_keeps_its_home_and_a_fresh_one_goes() {
    let place = Place::new().await;
    let mut run = place.shell("echo kept > $HOME/note");
    run.scratch = Some(place.path("kept"));
    place.sandbox.run(run.clone()).await.unwrap();
    run.argv[2] = "cat $HOME/note".to_owned();
    assert_eq!(place.sandbox.run(run).await.unwrap().tail, "kept");
    let scratch = place.path("scratch");
    until(|| fs::read_dir(&scratch).is_ok_and(|entries| entries.count() == 0)).await;
}

#[tokio::test]
async fn cargo_runs_in_the_sandbox() {
    let place = Place::new().await;
    fs::create_dir(place.path("tree/src")).unwrap();
    fs::write(place.path("tree/Cargo.toml"), "[package]\nname = \"t\"\nedition = \"2024\"\n").unwrap();
    fs::write(place.path("tree/src/lib.rs"), "#[test]\nfn it_holds() { assert_eq!(1 + 1, 2); }\n").unwrap();
    let mut run = place.shell("cargo test --offline");
    run.limits.wall = Duration::from_mins(2);
    let outcome = place.sandbox.run(run).await.unwrap();
    assert!(outcome.exit.success(), "{}", outcome.tail);
    assert!(outcome.tail.contains("it_holds ... ok"));
    assert!(!place.path("tree/target").exists(), "the build went into the clone");
}

#[tokio::test]
async fn without_walls_it_still_runs_with_a_clean_environment_and_limits() {
    let place = Place::with(Mode::None).await;
    let mut run = place.shell("env; pwd; sleep 1000");
    run.limits.wall = Duration::from_millis(500);
    let outcome = place.sandbox.run(run).await.unwrap();
    assert_eq!(outcome.exit, Exit::TimedOut);
    assert!(!outcome.tail.contains("CARGO_MANIFEST_DIR"), "{}", outcome.tail);
    assert!(outcome.tail.ends_with("/tree"), "{}", outcome.tail);
    assert!(place.sandbox.limits().missing().any(|line| line.limit == "network"));
    assert_eq!(place.run("exit 4").await.exit, Exit::Code(4));
    let background = place.run("sleep 1000 & echo left").await;
    assert_eq!((background.exit, background.tail.as_str()), (Exit::Code(0), "left"));
}

#[tokio::test]
async fn without_walls_a_grandchild_in_its_own_session_dies_where_control_groups_can_be_had() {
    let place = Place::with(Mode::None).await;
    if place.sandbox.limits().missing().any(|line| line.limit == "whole tree ends") {
        return;
    }
    let run = place.shell(&format!("{HOLD_PIPE} sleep 1000"));
    let cancel = run.cancel.clone();
    let sandbox = place.sandbox.clone();
    let running = tokio::spawn(async move { sandbox.run(run).await });
    let grandchild = held_by(place.path("tree")).await;
    cancel.cancel();
    assert_eq!(running.await.unwrap().unwrap().exit, Exit::Cancelled);
    is_gone(grandchild).await;
}

/// The run whose process the next test kills: the same test binary, started with this variable set.
async fn run_until_killed(tree: PathBuf) {
    let config = SandboxConfig::new(Mode::Bubblewrap, tree.with_file_name("scratch"));
    let sandbox = Sandbox::probe(config).await.unwrap();
    let argv = ["sh", "-c", &format!("{HOLD_PIPE} sleep 1000")].map(str::to_owned).to_vec();
    let _ = sandbox.run(SandboxRun::new(argv, &tree, tree.with_file_name("log"))).await;
}

#[tokio::test]
async fn the_tree_dies_when_adjutant_is_killed() {
    if let Some(tree) = std::env::var_os("SANDBOX_TEST_TREE") {
        return run_until_killed(tree.into()).await;
    }
    let place = Place::new().await;
    let mut helper = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "workspace::sandbox::tests::the_tree_dies_when_adjutant_is_killed"])
        .env("SANDBOX_TEST_TREE", place.path("tree"))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let grandchild = held_by(place.path("tree")).await;
    helper.kill().await.unwrap();
    is_gone(grandchild).await;
}

/// A layer with a file in the home and two in the tree.
fn layer(place: &Place) -> PathBuf {
    let layer = place.path("layer");
    fs::create_dir_all(layer.join("home/.cache")).unwrap();
    fs::create_dir_all(layer.join("tree/node_modules")).unwrap();
    fs::write(layer.join("home/.cache/packed"), "packed").unwrap();
    fs::write(layer.join("tree/node_modules/dependency.js"), "dependency").unwrap();
    fs::write(layer.join("tree/both"), "of the layer").unwrap();
    bubblewrap::give_away(&layer).unwrap();
    layer
}

const POISON: &str = "cat ~/.cache/packed node_modules/dependency.js both; \
    echo poison > ~/.cache/packed; rm -r node_modules; mkdir node_modules; echo poison > node_modules/other.js; \
    chmod 777 both; ls node_modules; cat ~/.cache/packed";

async fn sees_the_layer_and_leaves_it_as_it_is(place: &Place) {
    let layer = layer(place);
    fs::write(place.path("tree/both"), "of the clone").unwrap();
    for _ in 0..2 {
        let mut run = place.shell(POISON);
        run.layer = Some(layer.clone());
        let outcome = place.sandbox.run(run).await.unwrap();
        assert_eq!(outcome.tail, "packeddependencyof the cloneother.js\npoison");
        assert_eq!(fs::read(layer.join("home/.cache/packed")).unwrap(), b"packed");
        assert_eq!(fs::read(layer.join("tree/node_modules/dependency.js")).unwrap(), b"dependency");
        assert!(!layer.join("tree/node_modules/other.js").exists());
        assert_eq!(fs::read(layer.join("tree/both")).unwrap(), b"of the layer");
        fs::remove_dir_all(place.path("tree")).unwrap();
        fs::create_dir(place.path("tree")).unwrap();
        fs::write(place.path("tree/both"), "of the clone").unwrap();
    }
}

#[tokio::test]
async fn a_run_sees_a_layer_below_its_files_and_cannot_change_it() {
    let place = Place::new().await;
    // In some containers no overlay can be mounted; the test below is about those.
    if place.sandbox.inner.layering == Layering::Copy {
        return;
    }
    sees_the_layer_and_leaves_it_as_it_is(&place).await;
}

#[tokio::test]
async fn where_no_overlay_can_be_mounted_a_run_has_a_copy_of_the_layer() {
    let mut place = Place::new().await;
    Arc::get_mut(&mut place.sandbox.inner).unwrap().layering = Layering::Copy;
    sees_the_layer_and_leaves_it_as_it_is(&place).await;
}
