//! The gateway to GitHub: app authentication, pacing, reads and writes, and the types of GitHub's payloads.
//!
//! Only [`GitHub`] and its [`RepoClient`] call GitHub's API. They mint tokens (`token`), let one write pass at a time
//! for each installation (`gate`), put a time limit on everything, and distinguish errors by how to handle them
//! ([`GitHubError`]). `payload` has the minimal structs for webhooks; `runtime::ingest` reads them.
//!
//! What never happens here: nothing is retried by itself, because a write that timed out may have been done; the
//! effect's handler checks before it tries again. Nothing is decided, no text for people is composed, and no token is
//! logged.

mod checks;
mod ci;
mod client;
mod deliveries;
mod error;
mod gate;
mod history;
mod issues;
mod model;
pub(crate) mod payload;
mod pulls;
mod repository;
mod token;
mod transport;

pub use checks::{CheckRun, ExistingCheck, MOST_ANNOTATIONS};
pub use ci::{ForeignCheck, ForeignChecks, ForeignState};
pub use client::{Access, AppIdentity, GitHub, GitHubConfig};
pub use deliveries::AppDelivery;
pub use error::{GitHubError, MergeRefusal};
pub use history::{CommentList, IssueEvent};
pub(crate) use model::same_label;
pub use model::{Account, Comment, GHOST, Issue, OpenState, PullRequest, Repository, ReviewComment};
pub use payload::{RawComment, RawReview};
pub use pulls::{MergeOutcome, NewPull, PullChange};
pub use repository::RepoClient;
