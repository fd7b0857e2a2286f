#pragma once

namespace target_eye {

// Empties a container and frees its memory: `x = {}` only empties a string or a vector, since it
// takes an empty list of elements.
template <typename Container>
void LetGo(Container& container) {
  Container().swap(container);
}

}  // namespace target_eye
