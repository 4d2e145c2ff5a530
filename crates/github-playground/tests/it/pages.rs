//! The pages: a story told by forms alone, what they refuse, and that everybody can use them.

mod browser;
mod merging;
mod more;
mod safety;
mod shown;
mod story;

pub(super) use browser::Browser;
