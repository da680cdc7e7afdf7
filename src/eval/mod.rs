//! Evals: cases as data (`evals/*.yaml`), run through the same front door as every surface, judged by what happened:
//! which tools with which parameters, how the turn ended, how many figures have a receipt, how many drafts were made.
mod cases;
mod judge;
mod report;
mod run;

pub use cases::{Case, File, Names, embedded};
pub use judge::{Call, Seen, judge};
pub use report::{Group, Report, Verdict};
pub use run::{Inputs, Options, run};

/// What stops a run before its first case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {problem}")]
    Cases { path: String, problem: String },
    #[error("the data has no {0} to ask about; import some or start the demo")]
    NoName(&'static str),
    #[error("no case has '{0}' in its question or its group; leave --filter out to see the groups")]
    NoCase(String),
    #[error(transparent)]
    Tool(#[from] crate::catalogue::ToolError),
    #[error(transparent)]
    Playbooks(#[from] crate::chat::offline::VocabularyError),
    #[error(transparent)]
    Db(#[from] crate::db::Error),
}

#[cfg(test)]
mod tests;
