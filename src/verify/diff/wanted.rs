//! What the policy wants of a change: its size, and the paths that it touches or leaves alone.

use adjutant_domain::policy::DiffPolicy;

use crate::workspace::{Diff, path_set};

/// More lines than these are named, also where the policy names no limit.
const UNREADABLE: u64 = 50_000;
/// The most paths that are named.
const MOST: usize = 10;

/// A sentence for each requirement of the policy that the change does not meet.
pub(super) fn unmet(diff: &Diff, policy: &DiffPolicy) -> Result<Vec<String>, globset::Error> {
    let mut notes = Vec::new();
    let files = diff.files.len() as u64;
    let lines = diff.files.iter().map(|file| file.additions + file.deletions).sum();
    notes.extend(size("files", "max_files", files, policy.max_files));
    notes.extend(match policy.max_lines {
        None if lines > UNREADABLE => Some(format!("The change has {lines} lines: nobody reads so many")),
        most => size("lines", "max_lines", lines, most),
    });
    let forbidden = path_set(policy.forbidden_paths.iter().map(String::as_str))?;
    let touched = diff.files.iter().filter(|file| forbidden.is_match(&file.path)).take(MOST);
    notes.extend(
        touched.map(|file| format!("`{}` changed, which the policy forbids (`diff.forbidden_paths`)", file.path)),
    );
    for glob in &policy.required_paths {
        let wanted = path_set([glob.as_str()])?;
        if !diff.files.iter().any(|file| wanted.is_match(&file.path)) {
            notes.push(format!(
                "No path of `{glob}` changed, which the policy wants of every change (`diff.required_paths`)"
            ));
        }
    }
    Ok(notes)
}

fn size(what: &str, key: &str, found: u64, most: Option<u32>) -> Option<String> {
    let most = most.filter(|most| found > u64::from(*most))?;
    Some(format!("The change has {found} {what}; the policy wants {most} at most (`diff.{key}`)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::fixture;

    #[test]
    fn what_the_policy_wants_of_a_change_is_said_where_it_is_not_met() {
        let lines = vec!["x"; 30];
        let files = vec![fixture::changed("src/a.rs", &[], &lines), fixture::changed("dist/a.js", &["y"], &["x"])];
        let diff = Diff { files, ..Diff::default() };
        assert_eq!(unmet(&diff, &DiffPolicy::default()).unwrap(), [""; 0]);
        let mut large = diff.clone();
        large.files[0].additions = 100_000;
        let told = ["The change has 100002 lines: nobody reads so many"];
        assert_eq!(unmet(&large, &DiffPolicy::default()).unwrap(), told);
        let wide = DiffPolicy { max_lines: Some(200_000), ..DiffPolicy::default() };
        assert_eq!(unmet(&large, &wide).unwrap(), [""; 0]);
        let policy = DiffPolicy {
            max_files: Some(1),
            max_lines: Some(31),
            forbidden_paths: vec!["dist/**".to_owned()],
            required_paths: vec!["CHANGELOG.md".to_owned(), "src/**".to_owned()],
        };
        assert_eq!(
            unmet(&diff, &policy).unwrap(),
            [
                "The change has 2 files; the policy wants 1 at most (`diff.max_files`)",
                "The change has 32 lines; the policy wants 31 at most (`diff.max_lines`)",
                "`dist/a.js` changed, which the policy forbids (`diff.forbidden_paths`)",
                "No path of `CHANGELOG.md` changed, which the policy wants of every change (`diff.required_paths`)",
            ]
        );
    }
}
