"""Which errors say that memory did not suffice, in the words of those who say it."""

import pytest
import torch

from finetune_tts.machine.memory import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of …"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you …"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to …"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
        RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
        RuntimeError("NCCL error in: ProcessGroupNCCL.cpp:1, unhandled cuda error … Cuda failure 2 'out of memory'"),
        RuntimeError("NCCL error: ncclUnhandledCudaError … Failed to CUDA calloc async 4 bytes"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.07 GB, other allocations: 100 KB, max allowed: …)"),
        RuntimeError("HIP out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("CUDA error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(handle)`"),
        RuntimeError("rocblas_status_memory_error"),
        RuntimeError("std::bad_alloc"),
        MemoryError("Unable to allocate 9.31 GiB for an array with shape (10000, 250000)"),
    ],
)
def test_memory_that_does_not_suffice_is_recognised_whoever_says_it(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle, …)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
        RuntimeError("NCCL error: remote process exited or there was a network error"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x6 and 5x4)"),
        ValueError("the text speaks of being out of memory"),
    ],
)
def test_other_errors_are_not_taken_for_it(error):
    assert not is_out_of_memory(error)
