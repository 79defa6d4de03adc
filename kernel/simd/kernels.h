// The instruction kernels of one instruction set, as table.cc collects them.
#pragma once
#include "simd/loop/expression.h"

namespace gradus::GRADUS_ISA {

Status map(const MapPlan& plan, Frame& frame);
Status reduce(const ReducePlan& plan, Frame& frame);
Status run_matmul(const MatmulPlan& plan, Frame& frame);
Status run_conv(const ConvPlan& plan, Frame& frame);
Status fold(const FoldPlan& plan, Frame& frame);
Status gather(const IndexPlan& plan, Frame& frame);
Status scatter_add(const IndexPlan& plan, Frame& frame);
Status cumsum(const LinePlan& plan, Frame& frame);

}  // namespace gradus::GRADUS_ISA
