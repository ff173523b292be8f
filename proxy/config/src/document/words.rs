//! Small values: lists that may be a single value, durations, sizes, fixed words.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::units;

/// An enum whose values are written as fixed words.
macro_rules! word {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
        $vis enum $name { $( $(#[$doc])* #[serde(rename = $word)] $variant, )* }
    };
}
pub(crate) use word;

/// A value, or a list of at least one.
///
/// The list comes first: a derived struct takes a list for its fields in order, so that a list of one path would
/// otherwise be read as one inline text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    /// Its values in order.
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// A length of time, such as `500ms`, `10s`, `5m`, `2h`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Period(pub(crate) Duration);

/// A length of time, or `off`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PeriodOrOff(pub(crate) Option<Duration>);

/// A number of bytes, such as `16384`, `64KiB`, `1MiB`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "SizeForm")]
pub(crate) struct Size(pub(crate) u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum SizeForm {
    Bytes(u64),
    Text(SizeText),
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct SizeText(u64);

impl From<SizeForm> for Size {
    fn from(form: SizeForm) -> Self {
        match form {
            SizeForm::Bytes(bytes) | SizeForm::Text(SizeText(bytes)) => Self(bytes),
        }
    }
}

impl TryFrom<String> for Period {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        units::duration(&text).map(Self).ok_or("not a duration")
    }
}

impl TryFrom<String> for PeriodOrOff {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        units::duration_or_off(&text).map(Self).ok_or("not a duration or `off`")
    }
}

impl TryFrom<String> for SizeText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        units::size(&text).map(Self).ok_or("not a size")
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": units::DURATION_PATTERN })
    }
}

impl JsonSchema for PeriodOrOff {
    fn schema_name() -> Cow<'static, str> {
        "DurationOrOff".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": units::DURATION_OR_OFF_PATTERN })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0, "pattern": units::SIZE_PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Input;
    use super::OneOrMany;

    fn paths(json: &str) -> Vec<String> {
        let inputs: OneOrMany<Input> = serde_json::from_str(json).unwrap();
        let path = |input: &Input| match input {
            Input::Path(path) => path.clone(),
            Input::Inline(_) => "inline".to_owned(),
        };
        inputs.as_slice().iter().map(path).collect()
    }

    #[test]
    fn a_list_of_one_path_is_a_path_as_well() {
        assert_eq!(paths("\"a.pem\""), ["a.pem"]);
        assert_eq!(paths("[\"a.pem\"]"), ["a.pem"]);
        assert_eq!(paths("[\"a.pem\", \"b.pem\"]"), ["a.pem", "b.pem"]);
        assert_eq!(paths("{ \"inline\": \"text\" }"), ["inline"]);
        assert_eq!(paths("[{ \"inline\": \"text\" }, \"a.pem\"]"), ["inline", "a.pem"]);
    }
}
