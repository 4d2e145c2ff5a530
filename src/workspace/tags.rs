//! Tags, from which many projects take their version (`git describe`, `setuptools_scm`, hatch-vcs).
//!
//! A mirror follows the server's tags whose commits it has: a tag never brings history of its own. A clone gets the tags
//! that `git describe` finds nearest to its commit, and the history down to them; it has neither the other tags, of which
//! there may be thousands, nor the rest of the history. Nothing here is pushed.

use std::collections::{HashMap, HashSet, VecDeque};

use adjutant_domain::input;

use super::git::{self, Git, GitError, Remote};
use super::mirror::Mirror;

/// The most of a server's list of tags: about 60,000 of them.
const LIST_BYTES: u64 = 8 * 1024 * 1024;
/// From so many new ones at once, the references are packed into one file.
const MANY: usize = 100;
/// The farthest that a clone's history goes for the sake of a tag, in commits since that tag.
const FARTHEST: usize = 2_000;
/// The longest history that is copied whole, where a part of it gives another description.
const WHOLE: usize = 20_000;
/// The most tags of one commit that a clone gets: a repository of many packages tags each of them.
const MOST_OF_ONE_COMMIT: usize = 100;
/// How versions are asked for: any tag, annotated tags, and tags with a digit (`setuptools_scm`).
const DESCRIPTIONS: [&[&str]; 3] = [&["--tags"], &[], &["--tags", "--match=*[0-9]*"]];

/// The tags that a clone gets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NearestTags {
    /// Their full names.
    pub(super) names: Vec<String>,
    /// How deep a clone must be to hold their commits, and all commits since.
    pub(super) depth: usize,
}

impl Mirror {
    /// Makes the mirror's tags those of the server, as far as their commits are here. Call it with the lock held.
    pub(super) async fn follow_tags(&self, remote: &Remote) -> Result<(), GitError> {
        let listed = Git::at(&self.path, "ls-remote").args(["--quiet", "--tags", "--"]).arg(&remote.url);
        let listed = listed.remote(remote).cut(LIST_BYTES).bytes().await?;
        let theirs = parse(&listed);
        let ours = self.tags().await?;
        let changed: Vec<_> = theirs.iter().filter(|(name, tag)| ours.get(*name) != Some(&tag.object)).collect();
        let here = self.commits_here(changed.iter().map(|(_, tag)| tag.commit.as_str())).await?;
        let wanted: Vec<&str> =
            changed.iter().filter(|(_, tag)| here.contains(&tag.commit)).map(|(name, _)| name.as_str()).collect();
        let whole = (listed.len() as u64) < LIST_BYTES;
        let stale = |name: &str| match theirs.get(name) {
            Some(tag) => ours.get(name) != Some(&tag.object) && !here.contains(&tag.commit),
            None => whole,
        };
        let deleted: Vec<_> = ours.keys().filter(|name| stale(name)).map(|name| format!("delete {name}\n")).collect();
        if !deleted.is_empty() {
            Git::at(&self.path, "update-ref").arg("--stdin").stdin(deleted.concat()).bytes().await?;
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let refspecs: Vec<_> = wanted.iter().map(|name| format!("+{name}:{name}\n")).collect();
        let fetch = Git::at(&self.path, "fetch").args(["--quiet", "--no-tags", "--no-write-fetch-head", "--stdin"]);
        fetch.arg("--").arg(&remote.url).stdin(refspecs.concat()).remote(remote).bytes().await?;
        if wanted.len() > MANY {
            Git::at(&self.path, "pack-refs").arg("--all").bytes().await?;
        }
        Ok(())
    }

    /// The mirror's tags with their objects.
    async fn tags(&self) -> Result<HashMap<String, String>, GitError> {
        let listed = Git::at(&self.path, "for-each-ref").args(["--format=%(objectname) %(refname)", "refs/tags"]);
        let listed = input::text(&listed.bytes().await?);
        let tags = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(tags.map(|(object, name)| (name.to_owned(), object.to_owned())).collect())
    }

    /// Those of the objects that are commits of this mirror.
    async fn commits_here<'a>(&self, objects: impl Iterator<Item = &'a str>) -> Result<HashSet<String>, GitError> {
        let asked: Vec<_> = objects.map(|object| format!("{object}\n")).collect();
        if asked.is_empty() {
            return Ok(HashSet::new());
        }
        let check =
            Git::at(&self.path, "cat-file").arg("--batch-check=%(objectname) %(objecttype)").stdin(asked.concat());
        let answer = input::text(&check.bytes().await?);
        Ok(answer.lines().filter_map(|line| line.strip_suffix(" commit")).map(str::to_owned).collect())
    }

    /// The tags that a clone of `commit` gets.
    pub(super) async fn nearest_tags(&self, commit: &str) -> Result<NearestTags, GitError> {
        let mut nearest = NearestTags::default();
        for how in DESCRIPTIONS {
            let describe = Git::at(&self.path, "describe").arg("--abbrev=0").args(how).arg(git::sha(commit)?);
            let answer = describe.run().await?;
            if answer.code != 0 {
                // Most often: no tag at all.
                continue;
            }
            let name = format!("refs/tags/{}", answer.line()?);
            if !nearest.names.contains(&name)
                && let Some(depth) = self.depth_to(commit, &name).await?
            {
                let named = self.tags_of_one_commit(&name).await?;
                nearest.names.extend(std::iter::once(name).chain(named));
                nearest.depth = nearest.depth.max(depth);
            }
        }
        nearest.names.sort();
        nearest.names.dedup();
        Ok(nearest)
    }

    /// How deep the history of `commit` has to be to hold the commit of a tag and all commits since; `None` if that is too
    /// far, or there is no such tag.
    async fn depth_to(&self, commit: &str, tag: &str) -> Result<Option<usize>, GitError> {
        let tagged = Git::at(&self.path, "rev-parse").args(["--verify", "--quiet"]).arg(format!("{tag}^{{commit}}"));
        let tagged = tagged.run().await?;
        if tagged.code != 0 {
            return Ok(None);
        }
        let tagged = tagged.line()?;
        let since = Git::at(&self.path, "rev-list").arg("--parents").arg(format!("--max-count={}", FARTHEST + 1));
        let since = input::text(&since.args([git::sha(commit)?, &format!("^{tagged}"), "--"]).bytes().await?);
        let parents: HashMap<&str, Vec<&str>> = since
            .lines()
            .filter_map(|line| {
                let mut shas = line.split(' ');
                Some((shas.next()?, shas.collect()))
            })
            .collect();
        Ok((parents.len() <= FARTHEST).then(|| depth(commit, &tagged, &parents)))
    }

    async fn tags_of_one_commit(&self, tag: &str) -> Result<Vec<String>, GitError> {
        let list = Git::at(&self.path, "for-each-ref").arg(format!("--count={MOST_OF_ONE_COMMIT}"));
        let list = list.args(["--format=%(refname)", "--points-at"]).arg(format!("{tag}^{{commit}}"));
        Ok(input::text(&list.arg("refs/tags").bytes().await?).lines().map(str::to_owned).collect())
    }

    /// Whether a clone whose history was cut describes its commit in other words than the mirror, and the whole history is
    /// short enough to be copied. The count of commits since a tag is too high where a branch was merged that began long
    /// before that tag.
    pub(super) async fn needs_whole_history(&self, clone: &std::path::Path, commit: &str) -> Result<bool, GitError> {
        let describe = |git_dir| Git::at(git_dir, "describe").args(["--tags", "--long", "--abbrev=40"]).arg(commit);
        let (ours, theirs) = (describe(&self.path).run().await?, describe(clone).run().await?);
        if ours.stdout == theirs.stdout {
            return Ok(false);
        }
        let count = Git::at(&self.path, "rev-list").arg("--count").arg(format!("--max-count={}", WHOLE + 1));
        let count = count.args([git::sha(commit)?, "--"]).line().await?;
        Ok(count.parse().is_ok_and(|count: usize| count <= WHOLE))
    }
}

/// A tag of a server.
#[derive(Debug, PartialEq, Eq)]
struct RemoteTag {
    /// What it points to: a commit, or the object of an annotated tag.
    object: String,
    commit: String,
}

/// Reads the answer of `git ls-remote --tags`. An annotated tag has a second line, with the commit.
fn parse(listed: &[u8]) -> HashMap<String, RemoteTag> {
    let mut tags: HashMap<String, RemoteTag> = HashMap::new();
    for line in input::text(listed).split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let Some((sha, name)) = line.trim_end().split_once('\t') else { continue };
        if git::sha(sha).is_err() {
            continue;
        }
        match name.strip_suffix("^{}") {
            Some(name) => {
                if let Some(tag) = tags.get_mut(name) {
                    sha.clone_into(&mut tag.commit);
                }
            }
            None if is_plain(name) => {
                tags.insert(name.to_owned(), RemoteTag { object: sha.to_owned(), commit: sha.to_owned() });
            }
            None => {}
        }
    }
    tags
}

/// Whether a name can be part of a refspec and of a line for `git update-ref`.
fn is_plain(name: &str) -> bool {
    name.strip_prefix("refs/tags/").is_some_and(|name| git::branch(name).is_ok())
}

/// The greatest distance from `commit` to a commit since `tagged`, or to `tagged` itself, as the depth of a clone.
fn depth(commit: &str, tagged: &str, parents: &HashMap<&str, Vec<&str>>) -> usize {
    let mut distances = HashMap::from([(commit, 1)]);
    let mut waiting = VecDeque::from([commit]);
    while let Some(next) = waiting.pop_front() {
        let distance = distances[next] + 1;
        for &parent in parents.get(next).into_iter().flatten() {
            let counts = parent == tagged || parents.contains_key(parent);
            if counts && !distances.contains_key(parent) {
                distances.insert(parent, distance);
                waiting.push_back(parent);
            }
        }
    }
    distances.into_values().max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_is_that_of_the_longest_way_to_what_is_new_since_the_tag() {
        // head has two parents: a short side branch, and the line on which the tag is.
        let parents = HashMap::from([
            ("head", vec!["c", "side"]),
            ("side", vec!["before"]),
            ("c", vec!["b"]),
            ("b", vec!["tagged"]),
        ]);
        assert_eq!(depth("head", "tagged", &parents), 4);
        assert_eq!(depth("tagged", "tagged", &HashMap::new()), 1);
    }

    #[test]
    fn a_servers_list_is_read_with_the_commits_of_annotated_tags_and_without_odd_names() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let listed = format!(
            "{one}\trefs/tags/v1\n{two}\trefs/tags/v1^{{}}\n{two}\trefs/tags/v2\n{two}\trefs/tags/-x\nHEAD\trefs/tags/v3\n{one}\trefs/tags/cut"
        );
        let tags = parse(listed.as_bytes());
        assert_eq!(tags.len(), 2);
        assert_eq!(tags["refs/tags/v1"], RemoteTag { object: one, commit: two.clone() });
        assert_eq!(tags["refs/tags/v2"], RemoteTag { object: two.clone(), commit: two });
    }
}
