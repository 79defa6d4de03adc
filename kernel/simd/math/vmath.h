// The elementary functions on vectors: exp expm1 log log1p sin cos tanh sigmoid erf pow rsqrt, for F32 and F64, and the
// exact mod and floored quotient. Their error bounds are asserted by test/vmath_test.cc and listed in docs/accuracy.md.
//
// The value of a lane depends on that lane alone. F32 functions are evaluated in float32, except sin, cos (*_f32 on
// F64: the reduction by π/2 needs the bits) and pow (log x needs them).
#pragma once
#include "erf.h"
#include "exp_log.h"
#include "mod.h"
#include "pow.h"
#include "trig.h"
#include "vector.h"
