//! What a bench is told on its command line, after `--`.
use std::collections::BTreeMap;

/// `--name value` and `--name` pairs. Cargo's own `--bench` is left out.
pub struct Args(BTreeMap<String, String>);

impl Args {
    pub fn read(known: &[&str]) -> Self {
        let mut found = BTreeMap::new();
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench").peekable();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--").filter(|name| known.contains(name)) else {
                panic!("'{word}' is not understood; this bench knows --{}", known.join(", --"));
            };
            let value = words.next_if(|next| !next.starts_with("--")).unwrap_or_default();
            found.insert(name.to_owned(), value);
        }
        Self(found)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str, default: usize) -> usize {
        let given = self.0.get(name).map(|value| value.parse());
        given.map_or(default, |value| value.unwrap_or_else(|_| panic!("--{name} needs a whole number")))
    }
}
