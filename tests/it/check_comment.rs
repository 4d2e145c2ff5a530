//! `adjutant check comment`: what the bot takes from a comment, said without a directive.

use std::path::Path;
use std::process::{Command, Output};

/// The exit status, standard output and standard error.
fn check(path: &Path, more: &[&str]) -> (i32, String, String) {
    let command =
        Command::new(env!("CARGO_BIN_EXE_adjutant")).args(["check", "comment"]).arg(path).args(more).output().unwrap();
    let Output { status, stdout, stderr } = command;
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// What is said of a comment in a file of its own.
fn said(comment: impl AsRef<[u8]>, more: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("comment.md");
    std::fs::write(&file, comment).unwrap();
    check(&file, more)
}

#[test]
fn each_command_is_told_with_its_step_its_text_and_its_line() {
    let (status, told, errors) = said("Thanks!\n\n/approve parse\n/rework use `lex`:\n\n- once\n", &["--json"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    insta::assert_snapshot!(told, @r#"{"commands":[{"command":"approve","step":"parse","text":"","line":3},{"command":"rework","step":null,"text":"use `lex`:\n\n- once","line":4}]}"#);
    let (_, told, _) = said("/Approve\r\n", &["--json"]);
    assert_eq!(told, "{\"commands\":[{\"command\":\"approve\",\"step\":null,\"text\":\"\",\"line\":1}]}\n");
    let (_, told, _) = said("> /approve\n", &["--json"]);
    assert_eq!(told, "{\"commands\":[]}\n");
}

#[test]
fn what_is_refused_is_told_with_its_reason() {
    let comment = "/aprove\n/approve but not the second file\n/stop\n/answer 1 b\n\nas before\n";
    let (status, told, _) = said(comment, &[]);
    assert_eq!(status, 0);
    insta::assert_snapshot!(told, @"
    3: /stop
    4: /answer: 1 b

        as before
    1: refused: `/aprove` is no command; did you mean `/approve`?
    2: refused: `/approve` takes a step's name at most, and more follows; nothing was done. `/rework` asks for changes in any words.
    ");
    let (_, told, _) = said("/stop that\n", &["--json"]);
    insta::assert_snapshot!(told, @r#"{"commands":[],"refused":[{"command":"stop","text":"that","line":1,"reason":"`/stop` takes no words, and some follow; nothing was done."}]}"#);
    assert_eq!(said("hello\n", &[]).1, "no command\n");
}

#[test]
fn a_folder_is_told_file_by_file_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, comment) in [("b.md", &b"/stop\n"[..]), ("a.md", b"hello\n"), ("c.md", b"/stop \xff\n")] {
        std::fs::write(folder.path().join(name), comment).unwrap();
    }
    std::fs::create_dir(folder.path().join("d")).unwrap();
    let (status, told, errors) = check(folder.path(), &["--json"]);
    insta::assert_snapshot!(told, @r#"
    {"commands":[],"file":"a.md"}
    {"commands":[{"command":"stop","step":null,"text":"","line":1}],"file":"b.md"}
    {"commands":[],"file":"c.md","error":"line 1 is no UTF-8 text; save it as UTF-8"}
    "#);
    assert!(status == 1 && errors.contains("c.md` line 1 is no UTF-8 text"), "{errors}");
    assert_eq!(check(folder.path(), &[]).1.lines().next(), Some("a.md: no command"));
}

#[test]
fn what_is_no_comment_is_reported() {
    let (status, told, errors) = said(b"/stop\n\xff", &["--json"]);
    assert!((status, told.as_str()) == (1, "") && errors.contains("comment.md` line 2 is no UTF-8 text"), "{errors}");
    let (status, told, errors) = said("é".repeat(65_537), &["--json"]);
    assert!((status, told.as_str()) == (1, "") && errors.contains("65536 characters"), "{errors}");
    let (status, told, _) = said("é".repeat(65_536) + "\n", &["--json"]);
    assert_eq!((status, told.as_str()), (0, "{\"commands\":[]}\n"));
    let (status, told, errors) = check(Path::new("/nowhere/comment.md"), &["--json"]);
    assert!((status, told.as_str()) == (2, "") && errors.contains("comment.md` cannot be read: No such"), "{errors}");
}
