//! Reading fields that a stranger wrote: what has the wrong type, or a number that cannot be, is absent, and never an
//! error that would cost the rest of the sample.

use serde_json::Value;

/// Longest text kept of a field, characters; longer ones are cut. Codec and decoder names have under 60.
const TEXT_CHARS_MAX: usize = 96;

/// Largest number believed. Byte counters of a week at 100 Gbit/s stay below.
const NUMBER_MAX: f64 = 1e17;

/// A value out of JSON that may be anything.
pub(crate) trait Lenient: Sized {
    /// The value, or nothing when it is of another kind or out of bounds.
    fn lenient(value: &Value) -> Option<Self>;
}

impl Lenient for f64 {
    fn lenient(value: &Value) -> Option<Self> {
        value.as_f64().filter(|number| number.abs() <= NUMBER_MAX)
    }
}

impl Lenient for bool {
    fn lenient(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Lenient for String {
    fn lenient(value: &Value) -> Option<Self> {
        value.as_str().filter(|text| !text.is_empty()).map(|text| text.chars().take(TEXT_CHARS_MAX).collect())
    }
}

/// Declares a struct of optional fields that is read leniently and written without what is absent.
macro_rules! sample {
    (
        $style:literal,
        $(#[$meta:meta])*
        $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty, )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = $style, default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::lenient::field")]
                pub $field: Option<$type>,
            )*
        }

        impl $crate::lenient::Lenient for $name {
            fn lenient(value: &::serde_json::Value) -> Option<Self> {
                // Objects alone: serde would take an array for the fields in order.
                if value.is_object() { ::serde::Deserialize::deserialize(value).ok() } else { None }
            }
        }
    };
}
pub(crate) use sample;

/// `deserialize_with` of every field.
pub(crate) fn field<'de, D: serde::Deserializer<'de>, T: Lenient>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value: Value = serde::Deserialize::deserialize(deserializer)?;
    Ok(T::lenient(&value))
}

/// Declares an enum of names on the wire that is read leniently.
macro_rules! names {
    ( $(#[$meta:meta])* $name:ident { $( $(#[$variant_meta:meta])* $variant:ident, )* } ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$variant_meta])* $variant, )* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];
        }

        impl ::std::fmt::Display for $name {
            /// The name that stands in JSON.
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::serde::Serialize::serialize(self, f)
            }
        }

        impl $crate::lenient::Lenient for $name {
            fn lenient(value: &::serde_json::Value) -> Option<Self> {
                ::serde::Deserialize::deserialize(value).ok()
            }
        }
    };
}
pub(crate) use names;
