//! The mappings of a cloud-config, and the kinds of values that their keys take.
//!
//! The mappings are derived from the Rust types (`yaml::Shape`), so there is no second list of keys.

use std::fmt::Write as _;
use std::sync::LazyLock;

use super::CloudConfig;
use crate::yaml::Shape;

/// The kind of the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyShape {
    /// A string, a number or a boolean.
    Value,
    /// A list of strings, numbers or booleans.
    Values,
    /// A mapping, by the index of its place.
    Section(usize),
    /// A list of mappings, by the index of their place.
    Items(usize),
}

/// A mapping that can have keys.
#[derive(Debug)]
pub(crate) struct Place {
    /// The path of the mapping: empty for the top level, `coreos.update`, `coreos.units[]`.
    pub path: String,
    /// The index of the place that contains this one.
    parent: Option<usize>,
    /// The known keys, with the kinds of their values.
    keys: Vec<(&'static str, KeyShape)>,
}

/// All places, the top level first.
pub(crate) static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let mut places = Vec::new();
    let _ = add(&mut places, Shape::of::<CloudConfig>(), String::new(), None);
    places
});

/// The index of the top level in [`PLACES`].
pub(crate) const TOP: usize = 0;

/// The largest number of places that a message suggests for a key. A key that more places have is too common.
const FEW: usize = 3;

fn add(places: &mut Vec<Place>, shape: Shape, path: String, parent: Option<usize>) -> KeyShape {
    match shape {
        Shape::Value => KeyShape::Value,
        Shape::List(item) => match add(places, *item, path + "[]", parent) {
            KeyShape::Section(place) => KeyShape::Items(place),
            _ => KeyShape::Values,
        },
        Shape::Mapping(entries) => {
            let at = places.len();
            places.push(Place { path: path.clone(), parent, keys: Vec::new() });
            for (key, shape) in entries {
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                let below = add(places, shape, path, Some(at));
                places[at].keys.push((key, below));
            }
            KeyShape::Section(at)
        }
    }
}

impl Place {
    /// Returns the kind of the value of the key `name`, spelled with `_`; `None` for an unknown key.
    pub fn shape_of(&self, name: &str) -> Option<KeyShape> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, below)| *below)
    }

    /// Returns the known keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.keys.iter().map(|(key, _)| *key)
    }

    /// Returns true if the place is an item of a list.
    pub fn is_item(&self) -> bool {
        self.path.ends_with("[]")
    }

    /// Describes the place, for a message after the word "belongs".
    fn description(&self) -> String {
        match self.path.strip_suffix("[]") {
            Some(list) => format!("in an item of `{list}`"),
            None if self.path.is_empty() => "at the top level".to_owned(),
            None => format!("under `{}`", self.path),
        }
    }
}

/// The places that a misplaced key can belong to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyPlaces {
    /// Places near the key: it has a wrong indentation, or is in the next section.
    Near(Vec<&'static Place>),
    /// Places that are not near the key but have a key of this name.
    Far(Vec<&'static Place>),
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Place {}

/// Returns the places that have the key `name`, spelled with `_`, for a key that the place with the index `at` lacks.
pub(crate) fn other_places(name: &str, at: usize) -> Option<KeyPlaces> {
    let known = |place: &&Place| place.shape_of(name).is_some();
    let (near, far): (Vec<_>, Vec<_>) =
        (0..PLACES.len()).filter(|place| known(&&PLACES[*place])).partition(|place| is_near(at, *place));
    let places = |numbers: Vec<usize>| numbers.into_iter().map(|number| &PLACES[number]).collect();
    match (near.len(), far.len()) {
        (1..=FEW, _) => Some(KeyPlaces::Near(places(near))),
        // In an item of a list, a key with the name of a service option is a coincidence.
        (0, 1..=FEW) if at == TOP => Some(KeyPlaces::Far(places(far))),
        _ => None,
    }
}

/// Returns true if a small mistake can move a key of the place `to` to the place `at`.
fn is_near(at: usize, to: usize) -> bool {
    let parent = |place: usize| PLACES[place].parent;
    let around = std::iter::successors(parent(at), |place| parent(*place)).any(|place| place == to);
    let beside = parent(to) == parent(at) && parent(to) != Some(TOP);
    around || parent(to) == Some(at) || PLACES[to].is_item() || (beside && !PLACES[at].is_item())
        // Keys directly below `coreos` are as well known as top-level keys.
        || parent(to) == Some(TOP)
}

/// Lists places for a message: "under `coreos.etcd` or in an item of `users`".
pub(crate) fn description(places: &[&Place]) -> String {
    let mut words = String::new();
    for (index, place) in places.iter().enumerate() {
        let between = match index {
            0 => "",
            _ if index + 1 == places.len() => " or ",
            _ => ", ",
        };
        let _ = write!(words, "{between}{}", place.description());
    }
    words
}

/// Returns the remedy for a key that only one place has.
pub(crate) fn indentation_help(places: &[&Place]) -> Option<String> {
    match places {
        [place] if place.path.is_empty() => Some("write it at the beginning of a line, without indentation".to_owned()),
        [place] if !place.is_item() => Some(format!("write it below `{}:`, indented", place.path.rsplit('.').next()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyPlaces, KeyShape, PLACES, TOP, description, other_places};

    fn at(path: &str) -> usize {
        PLACES.iter().position(|place| place.path == path).unwrap_or_else(|| panic!("no place {path}"))
    }

    #[test]
    fn the_places_are_those_of_the_types() {
        let paths: Vec<_> = PLACES.iter().map(|place| place.path.as_str()).collect();
        assert_eq!(paths[TOP], "");
        for path in
            ["users[]", "write_files[]", "coreos", "coreos.units[]", "coreos.units[].drop_ins[]", "coreos.etcd2"]
        {
            assert!(paths.contains(&path), "{path} in {paths:?}");
        }
        assert_eq!(PLACES[TOP].shape_of("ssh_authorized_keys"), Some(KeyShape::Values));
        assert_eq!(PLACES[TOP].shape_of("hostname"), Some(KeyShape::Value));
        assert_eq!(PLACES[TOP].shape_of("coreos"), Some(KeyShape::Section(at("coreos"))));
        assert_eq!(PLACES[at("coreos")].shape_of("units"), Some(KeyShape::Items(at("coreos.units[]"))));
        assert_eq!(PLACES[TOP].shape_of("units"), None);
    }

    #[test]
    fn where_a_key_belongs() {
        for (key, place, belongs) in [
            ("write_files", "coreos", "at the top level"),
            ("write_files", "coreos.units[]", "at the top level"),
            ("users", "coreos.update", "at the top level"),
            ("ssh_authorized_keys", "coreos", "at the top level or in an item of `users`"),
            ("ssh_authorized_keys", "coreos.units[]", "at the top level or in an item of `users`"),
            ("hostname", "users[]", "at the top level"),
            ("units", "", "under `coreos`"),
            ("etcd2", "", "under `coreos`"),
            ("update", "users[]", "under `coreos`"),
            ("update", "coreos.units[]", "under `coreos`"),
            ("command", "coreos", "in an item of `coreos.units`"),
            ("command", "coreos.units[].drop_ins[]", "in an item of `coreos.units`"),
            ("permissions", "coreos.units[]", "in an item of `write_files`"),
            (
                "content",
                "",
                "in an item of `write_files`, in an item of `coreos.units` or in an item of `coreos.units[].drop_ins`",
            ),
            ("discovery", "coreos", "under `coreos.etcd` or under `coreos.etcd2`"),
            ("window_start", "coreos.update", "under `coreos.locksmith`"),
            ("reboot_strategy", "coreos", "under `coreos.update`"),
        ] {
            match other_places(key, at(place)) {
                Some(KeyPlaces::Near(places)) => assert_eq!(description(&places), belongs, "{key} in {place}"),
                other => panic!("{key} in {place}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_common_name_belongs_nowhere() {
        assert_eq!(other_places("name", at("coreos")), None);
        assert_eq!(other_places("group", at("write_files[]")), None);
        assert_eq!(other_places("nothing", TOP), None);
        let Some(KeyPlaces::Far(places)) = other_places("debug", TOP) else { panic!("not found") };
        assert_eq!(description(&places), "under `coreos.etcd2`");
    }
}
