//! Uniform access to the fields of a mapping.

use super::fields::{self, FieldInfo, Mapping};
use super::options::{Options, Service};
use super::{CloudConfig, CoreOs, DropIn, File, Groups, Oem, Unit, Update, User};
use crate::text::secret::Secret;
use crate::yaml::{Bytes, Field};

/// Declares the type of a mapping. Each field is a [`FieldValue`], so that code for all fields, such as
/// `--print-config`, also handles a new field.
macro_rules! mapping {
    (
        $(#[$meta:meta])*
        pub struct $type:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $field_type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        #[serde(default)]
        pub struct $type {
            $($(#[$field_meta])* pub $field: $field_type,)*
        }

        impl $crate::config::value::Fields for $type {
            fn fields(&self) -> Vec<(&'static str, $crate::config::value::FieldValue<'_>)> {
                vec![$((stringify!($field), $crate::config::value::AsValue::value(&self.$field)),)*]
            }

            fn texts_mut(&mut self) -> Vec<(&'static str, &mut [$crate::yaml::Field<String>])> {
                vec![$((stringify!($field), $crate::config::value::AsValue::texts_mut(&mut self.$field)),)*]
            }
        }
    };
}
pub(super) use mapping;

/// Access to the fields of a mapping by their keys.
pub(crate) trait Fields {
    /// Returns all fields, in the order of the type.
    fn fields(&self) -> Vec<(&'static str, FieldValue<'_>)>;

    /// Returns the fields that are strings or lists of strings.
    fn texts_mut(&mut self) -> Vec<(&'static str, &mut [Field<String>])>;
}

/// The value of a field.
#[derive(Clone, Copy)]
pub(crate) enum FieldValue<'a> {
    Text(&'a Field<String>),
    Texts(&'a [Field<String>]),
    Secret(&'a Field<Secret<String>>),
    Content(&'a Field<Secret<Bytes>>),
    Flag(bool),
    /// A mapping or a list of mappings.
    Section,
}

/// The conversion of a field to a [`FieldValue`].
pub(crate) trait AsValue {
    fn value(&self) -> FieldValue<'_>;

    fn texts_mut(&mut self) -> &mut [Field<String>] {
        &mut []
    }
}

impl AsValue for Field<String> {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Text(self)
    }

    fn texts_mut(&mut self) -> &mut [Field<String>] {
        std::slice::from_mut(self)
    }
}

impl AsValue for Vec<Field<String>> {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Texts(self)
    }

    fn texts_mut(&mut self) -> &mut [Field<String>] {
        self
    }
}

impl AsValue for Groups {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Texts(&self.0)
    }

    fn texts_mut(&mut self) -> &mut [Field<String>] {
        &mut self.0
    }
}

impl AsValue for Field<Secret<String>> {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Secret(self)
    }
}

impl AsValue for Field<Secret<Bytes>> {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Content(self)
    }
}

impl AsValue for bool {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Flag(*self)
    }
}

impl AsValue for Field<bool> {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Flag(self.value.unwrap_or_default())
    }
}

macro_rules! sections {
    ($($type:ty),*) => {
        $(impl AsValue for $type {
            fn value(&self) -> FieldValue<'_> {
                FieldValue::Section
            }
        })*
    };
}

sections!(CoreOs, Field<Update>, Field<Oem>, Vec<Field<User>>, Vec<Field<File>>, Vec<Field<Unit>>, Vec<Field<DropIn>>);

impl<S: Service> AsValue for Field<Options<S>> {
    fn value(&self) -> FieldValue<'_> {
        FieldValue::Section
    }
}

impl CloudConfig {
    /// Calls `look` with each field of each mapping, and its row.
    pub(crate) fn each_field<'a>(&'a self, mut look: impl FnMut(&'static FieldInfo, FieldValue<'a>)) {
        let mut each = |mapping: &Mapping, fields: Vec<(&'static str, FieldValue<'a>)>| {
            fields
                .into_iter()
                .filter_map(|(key, value)| Some((mapping.field(key)?, value)))
                .for_each(|(row, value)| look(row, value));
        };
        each(&fields::TOP, self.fields());
        self.users.iter().filter_map(Field::get).for_each(|user| each(&fields::USER, user.fields()));
        self.write_files.iter().filter_map(Field::get).for_each(|file| each(&fields::FILE, file.fields()));
        for unit in self.coreos.units.iter().filter_map(Field::get) {
            each(&fields::UNIT, unit.fields());
            let drop_ins = unit.drop_ins.iter().filter_map(Field::get);
            drop_ins.for_each(|drop_in| each(&fields::DROP_IN, drop_in.fields()));
        }
        self.coreos.update.get().into_iter().for_each(|update| each(&fields::UPDATE, update.fields()));
        self.coreos.oem.get().into_iter().for_each(|oem| each(&fields::OEM, oem.fields()));
    }

    /// Calls `look` with each string of each mapping, the mapping, and the row of its field.
    pub(crate) fn each_text_mut(&mut self, mut look: impl FnMut(&Mapping, &'static FieldInfo, &mut Field<String>)) {
        let mut each = |mapping: &Mapping, item: &mut dyn Fields| {
            for (key, texts) in item.texts_mut() {
                let Some(row) = mapping.field(key) else { continue };
                for text in texts {
                    look(mapping, row, text);
                }
            }
        };
        each(&fields::TOP, self);
        self.users.iter_mut().filter_map(|user| user.value.as_mut()).for_each(|user| each(&fields::USER, user));
        self.write_files.iter_mut().filter_map(|file| file.value.as_mut()).for_each(|file| each(&fields::FILE, file));
        for unit in self.coreos.units.iter_mut().filter_map(|unit| unit.value.as_mut()) {
            each(&fields::UNIT, unit);
            let drop_ins = unit.drop_ins.iter_mut().filter_map(|drop_in| drop_in.value.as_mut());
            drop_ins.for_each(|drop_in| each(&fields::DROP_IN, drop_in));
        }
        self.coreos.update.value.iter_mut().for_each(|update| each(&fields::UPDATE, update));
        self.coreos.oem.value.iter_mut().for_each(|oem| each(&fields::OEM, oem));
    }
}
