// Asio's own code, compiled once for everybody who links the library.
#include <boost/asio/impl/src.hpp>
