//! Where a metric's figures come from: bases of `tools/facts.yaml`, other metrics, or nothing yet.
use super::combine::Combined;

/// Bases that are read side by side: a column is taken from the first that has it.
pub type Joined = Vec<String>;

#[derive(Clone, Debug, PartialEq)]
pub enum Supply {
    /// Alternatives, best first: the first that offers the asked split and has rows is taken, and named.
    Facts(Vec<Joined>),
    /// Of other metrics in the same window and scope.
    Metrics(Combined),
    /// Nothing in the schema: what would supply it.
    Needs(String),
    /// The file says nothing: only the macros of queries know it.
    Unsaid,
}

impl Supply {
    /// Reads `site | ads`, `ads + paid_orders`.
    pub fn facts(text: &str) -> Self {
        let joined = |text: &str| text.split('+').map(|base| base.trim().to_owned()).collect();
        Self::Facts(text.split('|').map(joined).collect())
    }

    /// All bases named, in order.
    pub fn bases(&self) -> Vec<&str> {
        match self {
            Self::Facts(all) => all.iter().flatten().map(String::as_str).collect(),
            Self::Metrics(_) | Self::Needs(_) | Self::Unsaid => Vec::new(),
        }
    }
}
