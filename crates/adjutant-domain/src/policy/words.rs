//! The words of the policy file and what they mean, and which names a branch may have.

use super::{Autonomy, CiPolicy, Delivery, FinalMerge};

pub(super) fn autonomy(word: &str) -> Option<Autonomy> {
    Autonomy::ALL.iter().copied().find(|level| level.as_str() == word)
}

pub(super) fn ci_policy(word: &str) -> Option<CiPolicy> {
    match word {
        "off" => Some(CiPolicy::Off),
        "optional" => Some(CiPolicy::Optional),
        "required" => Some(CiPolicy::Required),
        _ => None,
    }
}

pub(super) fn delivery(word: &str) -> Option<Delivery> {
    match word {
        "integration" => Some(Delivery::Integration),
        "direct" => Some(Delivery::Direct),
        _ => None,
    }
}

pub(super) fn final_merge(word: &str) -> Option<FinalMerge> {
    match word {
        "person" => Some(FinalMerge::Person),
        "auto" => Some(FinalMerge::Auto),
        _ => None,
    }
}

/// The rules of <https://git-scm.com/docs/git-check-ref-format>, as far as they matter for a name in a file.
pub(super) fn is_branch_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !name.is_empty()
        && name.len() <= 255
        && name != "@"
        && !name.starts_with('-')
        && !name.starts_with("refs/")
        && !name.contains(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && std::path::Path::new(part).extension().is_none_or(|extension| extension != "lock")
        })
}
