//! Empty on purpose: this manifest only names sources.
