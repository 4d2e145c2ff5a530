//! What agents ask people: a few questions at a time, each with an answer that is taken where nobody gives one.

use serde::{Deserialize, Serialize};

use super::ids::Login;

/// The most questions that one run may ask.
pub const MOST_QUESTIONS: usize = 3;
/// The most answers that a question may offer: one for each letter from `a` on.
pub const MOST_OPTIONS: usize = 8;
/// How often the agents of one piece of work may ask. Whoever asks for ever does no work.
pub const MOST_ROUNDS: usize = 3;

/// A question as an agent puts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentQuestion {
    /// What is asked.
    pub text: String,
    /// Answers to choose from; none where any words will do.
    pub options: Vec<String>,
    /// The answer that is taken where nobody gives one.
    pub default: Option<String>,
    /// What depends on it.
    pub why: String,
}

/// A question on the issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedQuestion {
    /// Counted from one within the directive, and never given again.
    pub number: u32,
    /// What is asked.
    #[serde(flatten)]
    pub question: AgentQuestion,
    /// The answer, once there is one.
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The option that was chosen, or the words.
    pub text: String,
    /// Who gave it; none where the agent's own default was taken.
    pub by: Option<Login>,
}

impl AgentQuestion {
    /// What somebody means: an option by its letter or its words, or the words themselves.
    pub fn understand(&self, words: &str) -> String {
        let words = words.trim();
        let letter = words.trim_end_matches([')', '.']);
        let by_letter = (0..).zip(&self.options).find(|(index, _)| letter.eq_ignore_ascii_case(&Self::letter(*index)));
        by_letter.map_or_else(|| words.to_owned(), |(_, option)| option.clone())
    }

    /// The letter of an option, from `a` on.
    pub fn letter(index: u8) -> String {
        char::from(b'a'.saturating_add(index)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_chosen_by_its_letter_and_anything_else_is_the_answer_itself() {
        let options = vec!["metres".to_owned(), "feet".to_owned()];
        let question = AgentQuestion { text: "Which?".to_owned(), options, default: None, why: String::new() };
        for (words, answer) in
            [("b", "feet"), (" A) ", "metres"), ("c", "c"), ("feet", "feet"), ("both, please", "both, please")]
        {
            assert_eq!(question.understand(words), answer);
        }
    }
}
