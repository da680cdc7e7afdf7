//! The bases that metrics are counted from (`tools/facts.yaml`): which rows, what they may be grouped by, and their columns.
use super::fault::{Fault, Faults, instead};
use super::yaml::{Fields, Kind, Node, parse};
use std::collections::BTreeMap;

/// Rows of one kind.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub id: String,
    /// As an answer names it.
    pub words: String,
    /// Views of schema facts; they drive the freshness line.
    pub sources: Vec<String>,
    pub select: String,
    pub wheres: Vec<String>,
    /// Holds unless a split is asked for.
    pub plain: Option<String>,
    pub date: String,
    /// Grain → key.
    pub by: BTreeMap<String, String>,
    /// Grain → condition and key.
    pub split: BTreeMap<String, (String, String)>,
    /// Name → aggregate.
    pub columns: BTreeMap<String, String>,
    pub reach: Reach,
    /// Its rows are of `daily_metrics` and add up, so that sums of them may stand in their place.
    pub sums: bool,
}

/// Which days of the rows count for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Window,
    /// From the beginning to the end of the window.
    All,
    /// So many days up to the end of the window.
    Days(u64),
}

impl Base {
    /// Whether these columns depend on the window they are read in, so that each period of a series is read by itself: what is
    /// counted up to its end, or says `:first` or `:last`.
    pub fn is_of_its_window(&self, columns: &[String]) -> bool {
        let says = |text: &str| text.contains(":first") || text.contains(":last");
        let own = columns.iter().filter_map(|column| self.columns.get(column));
        self.reach != Reach::Window || says(&self.select) || own.into_iter().any(|aggregate| says(aggregate))
    }

    /// Whether its rows can be grouped or filtered by this.
    pub fn offers(&self, grain: &str) -> bool {
        self.by.contains_key(grain) || self.split.contains_key(grain)
    }
}

/// All bases by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    bases: BTreeMap<String, Base>,
}

impl Facts {
    /// Reads the file; faulty entries are named and left out.
    pub fn read(path: &str, text: &str) -> (Self, Vec<Fault>) {
        let mut faults = Faults::new(path);
        let mut out = Self::default();
        let root = parse(text, 1, &mut faults);
        let list = root.as_ref().and_then(|root| match &root.kind {
            Kind::Map(entries) => {
                entries.iter().find(|(key, ..)| key == "bases").map(|(_, _, node)| &node.kind)
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => None,
        });
        if let Some(Kind::List(items)) = list {
            for item in items {
                if let Some(base) = base(item, &out, &mut faults) {
                    out.bases.insert(base.id.clone(), base);
                }
            }
        } else {
            faults.add(1, "the file holds no list of bases; write `bases:` and one `- id: …` entry each");
        }
        (out, faults.list)
    }

    pub fn get(&self, id: &str) -> Option<&Base> {
        self.bases.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Base> {
        self.bases.values()
    }

    /// `; did you mean 'site'?`, for an id that is none.
    pub fn instead(&self, id: &str) -> String {
        instead(id, self.bases.keys().map(String::as_str))
    }
}

fn base(node: &Node, known: &Facts, faults: &mut Faults) -> Option<Base> {
    let before = faults.list.len();
    let mut f = Fields::of(node, "a base", faults)?;
    let id = f.need_text("id", faults);
    let like = f.text("like", faults);
    let parent = like.as_ref().and_then(|like| known.get(like));
    if let (Some(like), None) = (&like, parent) {
        faults.add(
            f.line_of("like"),
            format!("base '{id}' is like '{like}', which is no base before it{}", known.instead(like)),
        );
        return None;
    }
    let own = f.text("kind", faults).is_some();
    let mut wheres = parent.filter(|_| !own).map(|p| p.wheres.clone()).unwrap_or_default();
    wheres.extend(f.text("where", faults));
    let apart = ["where", "select", "reach"].into_iter().any(|key| f.get(key).is_some());
    let sums = f.flag("sums", faults) || parent.is_some_and(|p| p.sums && !apart);
    let mut text = |key: &'static str, inherited: Option<String>, faults: &mut Faults| {
        let given = f.text(key, faults).or(inherited);
        if given.is_none() {
            faults.add(node.line, format!("base '{id}' has no '{key}'"));
        }
        given.unwrap_or_default()
    };
    let words = text("words", parent.map(|p| p.words.clone()), faults);
    let select = text("select", parent.map(|p| p.select.clone()), faults);
    let date = text("date", parent.map(|p| p.date.clone()), faults);
    let plain = f.text("plain", faults).or_else(|| parent.and_then(|p| p.plain.clone()));
    let sources = f.texts("sources", faults);
    let sources =
        if sources.is_empty() { parent.map(|p| p.sources.clone()).unwrap_or_default() } else { sources };
    let by = f.get("by").map(texts).or_else(|| parent.map(|p| p.by.clone())).unwrap_or_default();
    let split = match f.get("split").map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries
            .iter()
            .map(|(name, _, node)| {
                let mut parts = texts(node);
                let mut part = |key: &str| parts.remove(key).unwrap_or_default();
                (name.clone(), (part("where"), part("key")))
            })
            .collect(),
        _ => parent.map(|p| p.split.clone()).unwrap_or_default(),
    };
    let columns =
        f.get("columns").map(texts).or_else(|| parent.map(|p| p.columns.clone())).unwrap_or_default();
    let reach = match f.text("reach", faults).as_deref() {
        None => parent.map_or(Reach::Window, |p| p.reach),
        Some("all") => Reach::All,
        Some(days) => days.parse().map(Reach::Days).unwrap_or_else(|_| {
            faults.add(f.line_of("reach"), format!("reach '{days}' is neither 'all' nor a number of days"));
            Reach::Window
        }),
    };
    if columns.is_empty() || sources.is_empty() {
        faults.add(node.line, format!("base '{id}' needs 'columns' and 'sources'"));
    }
    f.finish(faults);
    let base = Base { id, words, sources, select, wheres, plain, date, by, split, columns, reach, sums };
    (faults.list.len() == before).then_some(base)
}

/// A mapping of texts.
fn texts(node: &Node) -> BTreeMap<String, String> {
    match &node.kind {
        Kind::Map(entries) => {
            entries.iter().filter_map(|(key, _, node)| Some((key.clone(), node.text()?))).collect()
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => BTreeMap::new(),
    }
}
