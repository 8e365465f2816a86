//! A list of things with ids that finds each of them at once, however long it is.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

/// A thing that has an id.
pub trait Identified {
    /// Its id.
    fn id(&self) -> &str;
}

/// Things in an order, each with an id of its own. It reads and changes like a slice, and grows with
/// [`Roster::push`]; [`Roster::get`] does not walk through it.
#[derive(Debug, Clone)]
pub struct Roster<T> {
    items: Vec<T>,
    /// Where an id was when it came in. Only a hint: ids and the order can be changed in place, so whoever uses it
    /// looks whether the id is still there.
    places: HashMap<String, usize>,
}

impl<T: Identified> Roster<T> {
    /// The thing with this id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.items.get(self.place(id)?)
    }

    /// The thing with this id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let place = self.place(id)?;
        self.items.get_mut(place)
    }

    /// Adds a thing at the end.
    pub fn push(&mut self, item: T) {
        self.places.insert(item.id().to_owned(), self.items.len());
        self.items.push(item);
    }

    /// Keeps only what `keep` says.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.items.retain(keep);
        self.places = places(&self.items);
    }

    fn place(&self, id: &str) -> Option<usize> {
        let hint = self.places.get(id).copied();
        hint.filter(|place| self.items.get(*place).is_some_and(|item| item.id() == id))
            .or_else(|| self.items.iter().position(|item| item.id() == id))
    }
}

fn places<T: Identified>(items: &[T]) -> HashMap<String, usize> {
    items.iter().enumerate().map(|(place, item)| (item.id().to_owned(), place)).collect()
}

impl<T: Identified> From<Vec<T>> for Roster<T> {
    fn from(items: Vec<T>) -> Self {
        Self { places: places(&items), items }
    }
}

impl<T: Identified> FromIterator<T> for Roster<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().collect::<Vec<_>>().into()
    }
}

impl<T: Identified> Extend<T> for Roster<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<T> Deref for Roster<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> DerefMut for Roster<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<'a, T> IntoIterator for &'a Roster<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Roster<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Identified for (String, u32) {
        fn id(&self) -> &str {
            &self.0
        }
    }

    fn roster(ids: &[&str]) -> Roster<(String, u32)> {
        ids.iter().zip(0..).map(|(id, number)| ((*id).to_owned(), number)).collect()
    }

    #[test]
    fn things_are_found_whatever_was_done_to_the_list() {
        let mut roster = roster(&["a", "b", "c"]);
        roster.push(("d".into(), 3));
        assert_eq!(roster.get("d").map(|item| item.1), Some(3));
        roster.retain(|item| item.0 != "a");
        assert_eq!((roster.get("a"), roster.get("c").map(|item| item.1)), (None, Some(2)));
        roster.swap(0, 2);
        assert_eq!(roster.get("b").map(|item| item.1), Some(1));
        roster[0].0 = "e".into();
        assert_eq!((roster.get("d"), roster.get("e").map(|item| item.1)), (None, Some(3)));
        roster.get_mut("e").unwrap().1 = 9;
        assert_eq!(roster.iter().map(|item| item.1).collect::<Vec<_>>(), [9, 2, 1]);
    }
}
