//! The gateway to GitHub: app authentication, throttle, reads and writes; payload to signal.
//!
//! Two ways lead through here. Outward, [`GitHub`] and its [`RepoClient`] are the only place that calls GitHub's API:
//! they mint tokens (`token`), let one write pass at a time for each installation (`gate`), put a time limit on
//! everything, and tell errors apart by what to do about them ([`GitHubError`]). Inward, [`interpret`] turns a stored
//! delivery into signals: the payload only says where to look, the facts are read live.
//!
//! What never happens here: nothing is tried again by itself (a write that timed out may have been done; the effect's
//! handler looks before it tries again), nothing is decided, no text for people is composed, and no token is logged.

mod checks;
mod client;
mod deliveries;
mod error;
mod gate;
mod history;
pub mod interpret;
mod issues;
mod model;
mod payload;
mod pulls;
mod repository;
mod token;
mod transport;

pub use checks::{Annotation, AnnotationLevel, CheckAction, CheckRun, CheckState, Conclusion, ExistingCheck};
pub use client::{Access, AppIdentity, GitHub, GitHubConfig};
pub use deliveries::AppDelivery;
pub use error::GitHubError;
pub use history::PastEvent;
pub use model::{Comment, Issue, OpenState, PullRequest, Repository, ReviewComment};
pub use pulls::{MergeMethod, MergeOutcome, NewPull, PullChange};
pub use repository::RepoClient;
