//! What the words after a command's word say.

use super::Command;

/// What a command's word orders; `line` is the rest of its line, `all` reaches up to the next command.
///
/// # Errors
///
/// As half a sentence: the words are not understood. A command is never carried out by half.
pub(super) fn understand(word: &str, line: &str, all: &str) -> Result<Command, String> {
    match word.to_ascii_lowercase().as_str() {
        "approve" => Ok(Command::Approve { step: step(line)? }),
        "unapprove" => Ok(Command::Unapprove { step: step(line)? }),
        "rework" => Ok(Command::Rework { text: all.to_owned() }),
        "answer" => {
            let (number, text) =
                answer(all).ok_or("needs the question's number and an answer, such as `/answer 1 b`")?;
            Ok(Command::Answer { number, text })
        }
        "tell" if all.is_empty() => Err("needs words for the agent of the step".to_owned()),
        "tell" => Ok(Command::Tell { text: all.to_owned() }),
        "retry" => Ok(Command::Retry { step: step(line)? }),
        "verify" => Ok(Command::Verify { step: step(line)? }),
        "skip" => Ok(Command::Skip { step: step(line)? }),
        "pause" if line.eq_ignore_ascii_case("now") => Ok(Command::Pause { now: true }),
        "pause" if !line.is_empty() => Err("takes only `now`, and more follows; nothing was done".to_owned()),
        "pause" => Ok(Command::Pause { now: false }),
        "resume" => alone(line, Command::Resume),
        "stop" => alone(line, Command::Stop),
        "replan" => Ok(Command::Replan { reason: all.to_owned() }),
        "reload" => alone(line, Command::Reload),
        "autonomy" => {
            let level = only_word(line).ok_or("needs one level: `manual`, `guardrails` or `full_auto`")?;
            Ok(Command::Autonomy { level })
        }
        "budget" => {
            let amount = only_word(line).ok_or("needs one amount in US dollars, such as `/budget 20`")?;
            let usd = dollars(&amount).ok_or("needs an amount in US dollars above 0, such as `/budget 20`")?;
            Ok(Command::Budget { usd })
        }
        "status" => alone(line, Command::Status),
        // Its answer says what there is to be known, whatever follows.
        "help" => Ok(Command::Help),
        _ => Err("is no command".to_owned()),
    }
}

/// A command that takes no words.
fn alone(line: &str, command: Command) -> Result<Command, String> {
    if line.is_empty() { Ok(command) } else { Err("takes no words, and some follow; nothing was done".to_owned()) }
}

/// The step that is named, if one is.
fn step(line: &str) -> Result<Option<String>, String> {
    if line.is_empty() {
        return Ok(None);
    }
    let is_name = |word: &String| word.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    let only = only_word(line).filter(is_name).ok_or(
        "takes a step's name at most, and more follows; nothing was done. `/rework` asks for changes in any words",
    )?;
    Ok(Some(only))
}

/// The word of a line that has one, without back ticks around it.
fn only_word(line: &str) -> Option<String> {
    let word = line.trim_matches('`');
    (!word.is_empty() && !word.contains(char::is_whitespace)).then(|| word.to_owned())
}

/// The number and the words of an answer.
fn answer(following: &str) -> Option<(Option<u32>, String)> {
    let (first, rest) = following.split_once(char::is_whitespace).unwrap_or((following, ""));
    let (number, words) = match first.trim_matches(['#', '.', ')', ':']).parse() {
        Ok(number) => (Some(number), rest.trim()),
        Err(_) => (None, following),
    };
    (!words.is_empty()).then(|| (number, words.to_owned()))
}

fn dollars(text: &str) -> Option<f64> {
    let digits = text.trim_matches('$');
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    digits.parse().ok().filter(|usd: &f64| plain && usd.is_finite() && *usd > 0.0)
}
