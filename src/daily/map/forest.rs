//! `same_as` links as a forest: each thing has one other it is the same as at most, and no way leads back.
use crate::db::entity_map::{Held, Link, Relation, Thing};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Forest(BTreeMap<Thing, Thing>);

impl Forest {
    /// Of the links that hold.
    pub fn of<'a>(held: impl IntoIterator<Item = &'a Held>) -> Self {
        let mut forest = Self::default();
        for held in held.into_iter().filter(|held| held.holds()) {
            forest.plant(&held.link);
        }
        forest
    }

    /// Takes a link in; `false` when it is no `same_as`, the thing is the same as another already, or it would be a circle.
    pub fn plant(&mut self, link: &Link) -> bool {
        let stands = link.relation == Relation::SameAs && link.from.kind == link.to.kind;
        if !stands || self.0.contains_key(&link.from) || self.root(&link.to) == &link.from {
            return false;
        }
        self.0.insert(link.from.clone(), link.to.clone());
        true
    }

    /// What a thing is the same as, one step up.
    pub fn up(&self, thing: &Thing) -> Option<&Thing> {
        self.0.get(thing)
    }

    /// The canonical thing: itself, when it is the same as no other.
    pub fn root<'a>(&'a self, thing: &'a Thing) -> &'a Thing {
        let mut at = thing;
        while let Some(up) = self.0.get(at) {
            at = up;
        }
        at
    }

    /// Every thing that is the same as another, with its canonical thing.
    pub fn roots(&self) -> BTreeMap<Thing, Thing> {
        self.0.keys().map(|thing| (thing.clone(), self.root(thing).clone())).collect()
    }
}
