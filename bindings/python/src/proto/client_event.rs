use std::collections::VecDeque;

use pop3_proto::{
    client::{CommandId, Event},
    types::{Capability, Response},
};
use pyo3::{
    exceptions::PyNotImplementedError,
    prelude::*,
    types::{PyBytes, PyTuple},
};

use crate::{classes::make, text};

/// Numbers commands for Python: 0 for the first.
#[derive(Default)]
pub(super) struct CommandIds {
    sent: VecDeque<(CommandId, u64)>,
    next: u64,
}

impl CommandIds {
    pub(super) fn push(&mut self, id: CommandId) -> u64 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.sent.push_back((id, number));
        number
    }

    /// Answers come in order: what stands before this command is done with.
    fn number(&mut self, id: CommandId) -> u64 {
        while self.sent.len() > 1 && self.sent.front().is_some_and(|(front, _)| *front != id) {
            self.sent.pop_front();
        }
        self.sent.front().map_or(0, |(_, number)| *number)
    }
}

/// The Python object for an event.
pub(super) fn to_python<'py>(
    py: Python<'py>,
    event: Event<'_>,
    ids: &mut CommandIds,
) -> PyResult<Bound<'py, PyAny>> {
    match event {
        Event::Greeting { response, timestamp } => {
            let (is_ok, code, text) = parts(&response);
            make!(py, "Greeting", (is_ok, code, text, timestamp))
        }
        Event::Response { id, response, is_last } => {
            let (is_ok, code, text) = parts(&response);
            make!(py, "Response", (ids.number(id), is_ok, code, text, is_last))
        }
        Event::DropListing { id, listing } => {
            make!(py, "DropListing", (ids.number(id), listing.count, listing.size.0))
        }
        Event::ScanListing { id, listing } => {
            make!(py, "ScanListing", (ids.number(id), listing.number.value(), listing.size.0))
        }
        Event::UniqueIdListing { id, listing } => {
            let unique_id = text::unique_id(py, &listing.unique_id)?;
            make!(py, "UniqueIdListing", (ids.number(id), listing.number.value(), unique_id))
        }
        Event::MalformedListing { id, number } => {
            make!(py, "MalformedListing", (ids.number(id), number.value()))
        }
        Event::Capability { id, capability } => capability_event(py, ids.number(id), &capability),
        Event::Mechanism { id, mechanism } => make!(py, "Mechanism", (ids.number(id), mechanism.as_str())),
        Event::Language { id, language } => {
            make!(py, "Language", (ids.number(id), language.tag.as_str(), language.description))
        }
        Event::MessageChunk { id, chunk } => {
            make!(py, "MessageChunk", (ids.number(id), PyBytes::new(py, chunk)))
        }
        Event::End { id } => make!(py, "End", (ids.number(id),)),
        Event::Challenge { id, challenge } => {
            make!(py, "Challenge", (ids.number(id), PyBytes::new(py, challenge.expose())))
        }
        Event::StartTls => make!(py, "StartTls", ()),
        Event::Closed => make!(py, "Closed", ()),
        _ => Err(PyNotImplementedError::new_err("the core has an event that this package does not know")),
    }
}

fn capability_event<'py>(
    py: Python<'py>,
    id: u64,
    capability: &Capability<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let (tag, parameters) = text::capability(capability);
    make!(py, "Capability", (id, tag, PyTuple::new(py, parameters)?))
}

fn parts<'r>(response: &'r Response<'_>) -> (bool, Option<&'r str>, String) {
    (response.is_ok(), response.code.as_ref().map(|code| code.as_str()), text::lossy(&response.text))
}
