//! What the widget warehouse writes on its order slips, as values.
//!
//! Every type reads with [`str::parse`] and prints with [`ToString`], and what was printed reads
//! back as the same value. One module for each kind of value; [`ParseError`] is shared.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod name;
mod order;
mod quantity;

pub use error::ParseError;
pub use name::Name;
pub use order::Line;
pub use quantity::Quantity;
