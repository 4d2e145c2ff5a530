//! Starts a program, feeds it, and reads its output while it works.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::home::Prepared;
use super::{Config, Ran, show};
use crate::failure::RunError;
use crate::preset::{Form, Preset};
use crate::reader::{Findings, Reader};
use crate::transcript::Entry;

/// The longest line that is read as JSON, in bytes; the rest of a longer one is thrown away.
pub(super) const LINE_BYTES: usize = 8 * 1024 * 1024;
/// The longest line of standard error that is passed on.
const ERROR_LINE_BYTES: usize = 16 * 1024;
/// The last lines of standard error, of which a failure's reason is made.
const TAIL_LINES: usize = 20;
/// The most lines of one message of a program that wraps its text.
const WRAPPED_LINES: usize = 5;
/// The longest text that is kept of a program that prints no JSON.
const TEXT_BYTES: usize = 1024 * 1024;
/// Lines that wait for being read; the program waits when there are more.
const QUEUE: usize = 16;
/// A process that the program left behind may hold its output open; that is not waited for any longer.
const AFTER_EXIT: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(50);

/// A line of output.
pub(super) enum Line {
    Whole(Vec<u8>),
    /// So many bytes were too many.
    TooLong(usize),
}

/// A program that runs.
pub(super) struct Running {
    child: Child,
    lines: Receiver<Line>,
    tail: Arc<Mutex<VecDeque<String>>>,
    /// Closed when standard error has ended.
    errors_ended: Receiver<()>,
    exited: Option<(ExitStatus, Instant)>,
}

/// What comes next of a running program.
pub(super) enum Next {
    Line(Line),
    /// Nothing came for a moment.
    Nothing,
    /// It has ended.
    End(ExitStatus),
}

impl Running {
    /// Starts the program in the working directory; `stdin` says what it reads.
    pub(super) fn start(config: &Config, prepared: &Prepared) -> Result<(Self, impl Write + Send + 'static), RunError> {
        let preset = &config.preset;
        let mut command = Command::new(&preset.program);
        command.args(&prepared.args).envs(&prepared.env).env_remove("ADJUTANT_RESULT_FILE");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| RunError::tool(not_started(preset, &error)))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(RunError::tool(format!("{} has no standard input or output", preset.title)));
        };
        let (sender, lines) = sync_channel(QUEUE);
        thread::spawn(move || read_lines(stdout, LINE_BYTES, &sender));
        let tail = Arc::default();
        let kept = Arc::clone(&tail);
        let (ends, errors_ended) = sync_channel(0);
        thread::spawn(move || {
            let _open: SyncSender<()> = ends;
            pass_on(stderr, &kept);
        });
        Ok((Self { child, lines, tail, errors_ended, exited: None }, stdin))
    }

    pub(super) fn next(&mut self) -> Next {
        match self.lines.recv_timeout(TICK) {
            Ok(line) => Next::Line(line),
            Err(RecvTimeoutError::Disconnected) => self.child.wait().map_or(Next::Nothing, Next::End),
            Err(RecvTimeoutError::Timeout) => match (self.exited, self.child.try_wait()) {
                (Some((status, since)), _) if since.elapsed() > AFTER_EXIT => Next::End(status),
                (None, Ok(Some(status))) => {
                    self.exited = Some((status, Instant::now()));
                    Next::Nothing
                }
                _ => Next::Nothing,
            },
        }
    }

    /// Ends the program, if it still runs.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines of standard error, which may be read a moment after the program has ended.
    pub(super) fn tail(&self) -> String {
        let _ = self.errors_ended.recv_timeout(AFTER_EXIT);
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// Runs the program to its end.
pub(super) fn run(config: &Config, prepared: &Prepared, session: Option<&str>, input: &str) -> Ran {
    let (mut running, mut stdin) = match Running::start(config, prepared) {
        Ok(started) => started,
        Err(error) => return Ran { error: Some(error), ..Ran::default() },
    };
    let input = input.to_owned();
    thread::spawn(move || {
        // A program that reads none of it has its reasons.
        let _ = stdin.write_all(input.as_bytes());
    });
    let mut output = Output::new(&config.preset);
    let status = loop {
        match running.next() {
            Next::Line(line) => output.take(line),
            Next::Nothing => {}
            Next::End(status) => break status,
        }
    };
    let tail = running.tail();
    let (findings, text) = output.finish();
    let words = format!("{tail}\n{text}\n{}", findings.failure.as_ref().map_or("", |error| &error.message));
    let missing = session.is_some() && config.preset.run.missing_session.iter().any(|it| words.contains(it.as_str()));
    let error = verdict(&config.preset, &findings, status, &tail, &text);
    Ran { session_missing: missing && error.is_some(), error, findings }
}

/// The output so far.
struct Output<'a> {
    preset: &'a Preset,
    reader: Reader<'a>,
    /// What is no JSON line, up to a limit.
    text: String,
}

impl<'a> Output<'a> {
    fn new(preset: &'a Preset) -> Self {
        Self { preset, reader: Reader::new(preset), text: String::new() }
    }

    fn take(&mut self, line: Line) {
        let bytes = match line {
            Line::Whole(bytes) => bytes,
            Line::TooLong(bytes) => {
                show(&Entry::Error { message: format!("A line of {bytes} bytes was too long to be read.") });
                return;
            }
        };
        if self.preset.output.form == Form::Lines
            && let Ok(value) = serde_json::from_slice::<Value>(&bytes)
        {
            self.reader.read(&value).iter().for_each(show);
            return;
        }
        let words = plain(&bytes);
        if self.text.len() < TEXT_BYTES {
            self.text.push_str(&words);
            self.text.push('\n');
        }
        if self.preset.output.form != Form::Document && !words.trim().is_empty() {
            show(&Entry::Message { text: words });
        }
    }

    /// What was found, and the text that was no JSON.
    fn finish(mut self) -> (Findings, String) {
        if self.preset.output.form == Form::Document
            && let Ok(value) = serde_json::from_str::<Value>(&self.text)
        {
            self.reader.read(&value).iter().for_each(show);
        }
        let (entries, mut findings) = self.reader.finish();
        entries.iter().for_each(show);
        if self.preset.output.form == Form::Text {
            findings.last_message = Some(self.text.trim().to_owned());
        }
        (findings, self.text)
    }
}

/// Whether the run counts as done. The program's own words come before its exit status, which may be 0 after errors.
fn verdict(preset: &Preset, findings: &Findings, status: ExitStatus, tail: &str, text: &str) -> Option<RunError> {
    if let Some(failure) = &findings.failure {
        return Some(failure.clone());
    }
    if let Some(words) = failed_by_words(&preset.errors.failures, &format!("{text}\n{tail}")) {
        return Some(RunError::of(&words, None, None, &preset.errors));
    }
    if !status.success() {
        let words = [tail, text].into_iter().map(str::trim).find(|words| !words.is_empty()).unwrap_or_default();
        let mut error = RunError::of(words, None, None, &preset.errors);
        error.message = format!("{} ended with {status}: {}", preset.title, error.message);
        return Some(error);
    }
    if preset.output.says_end && !findings.ended {
        return Some(RunError::tool(format!("{} ended without saying that it is done. {}", preset.title, tail.trim())));
    }
    let silent = findings.last_message.as_deref().is_none_or(|message| message.trim().is_empty());
    (silent && findings.structured.is_none())
        .then(|| RunError::tool(format!("{} ended without a last message", preset.title)))
}

/// The first line with one of the words, and those after it, over which programs wrap their messages.
fn failed_by_words(failures: &[String], text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let told = |line: &&str| failures.iter().any(|words| line.contains(words.as_str()));
    let at = lines.iter().position(told)?;
    let message: Vec<&str> =
        lines[at..].iter().take(WRAPPED_LINES).map(|line| line.trim()).take_while(|line| !line.is_empty()).collect();
    Some(message.join(" "))
}

fn not_started(preset: &Preset, error: &io::Error) -> String {
    let program = &preset.program;
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "The program `{program}` is not in the sandbox's PATH. Install {}, and show its folder to the agent (`readonly`, `path`).",
            preset.title
        ),
        io::ErrorKind::PermissionDenied => {
            format!(
                "The program `{program}` may not be run by the sandbox's user: make it readable and executable for all."
            )
        }
        _ => format!("The program `{program}` could not be started: {error}"),
    }
}

/// Text without escape sequences' beginnings and other control characters.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

fn read_lines(stdout: impl Read, limit: usize, lines: &SyncSender<Line>) {
    let mut stdout = BufReader::new(stdout);
    while let Some(line) = next_line(&mut stdout, limit) {
        if lines.send(line).is_err() {
            return;
        }
    }
}

/// The next line without its end, or `None` at the end of the output. No more than `limit` bytes are held.
fn next_line(reader: &mut impl BufRead, limit: usize) -> Option<Line> {
    let mut line = Vec::new();
    let mut length = 0;
    loop {
        let part = match reader.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(part.len());
        if part.is_empty() && length == 0 {
            return None;
        }
        length += taken;
        if length <= limit {
            line.extend_from_slice(&part[..taken]);
        }
        let last = end.is_some() || part.is_empty();
        let used = taken + usize::from(end.is_some());
        reader.consume(used);
        if last {
            return Some(if length <= limit { Line::Whole(line) } else { Line::TooLong(length) });
        }
    }
}

/// Passes standard error on, line by line, and keeps the last lines.
fn pass_on(stderr: impl Read, tail: &Mutex<VecDeque<String>>) {
    let mut stderr = BufReader::new(stderr);
    while let Some(line) = next_line(&mut stderr, ERROR_LINE_BYTES) {
        let words = match line {
            Line::Whole(bytes) => plain(&bytes),
            Line::TooLong(bytes) => format!("[a line of {bytes} bytes]"),
        };
        let _ = writeln!(io::stderr(), "{words}");
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(words.chars().take(500).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_however_long_they_are() {
        let mut input = io::Cursor::new([b"ab\n".as_slice(), &vec![b'x'; 100_000], b"\n\ncd"].concat());
        let mut read = Vec::new();
        while let Some(line) = next_line(&mut input, 1000) {
            read.push(match line {
                Line::Whole(bytes) => String::from_utf8(bytes).unwrap(),
                Line::TooLong(bytes) => bytes.to_string(),
            });
        }
        assert_eq!(read, ["ab", "100000", "", "cd"]);
    }

    #[test]
    fn control_characters_are_taken_out_and_broken_text_is_marked() {
        assert_eq!(plain(b"\x1b[31mred\0\xff\tend"), "[31mred\u{fffd}\tend");
    }
}
