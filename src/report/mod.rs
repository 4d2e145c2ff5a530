//! Every sentence that Adjutant writes on GitHub.
