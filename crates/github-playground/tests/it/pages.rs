//! The pages: a whole story with forms only, their refusals, and their accessibility.

mod browser;
mod merging;
mod more;
mod safety;
mod shown;
mod story;

pub(super) use browser::Browser;
