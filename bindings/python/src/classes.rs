//! The package's own Python classes, looked up once each.

/// The attribute `$name` of the Python module `$module`, looked up at the first use.
macro_rules! class {
    ($py:expr, $module:literal, $name:literal) => {{
        static CLASS: pyo3::sync::PyOnceLock<pyo3::Py<pyo3::PyAny>> = pyo3::sync::PyOnceLock::new();
        CLASS.import($py, $module, $name)
    }};
}

/// A new object of a class of `pop3.proto`.
macro_rules! make {
    ($py:expr, $name:literal, $args:expr) => {
        crate::classes::class!($py, "pop3.proto", $name)?.call1($args)
    };
}

/// A member of an enum of `pop3.proto`.
macro_rules! member {
    ($py:expr, $class:literal, $name:expr) => {
        crate::classes::class!($py, "pop3.proto", $class)?.getattr($name)
    };
}

pub(crate) use {class, make, member};
